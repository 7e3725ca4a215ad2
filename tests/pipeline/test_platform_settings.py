"""Machines: what is set for a node, what it takes from the default, and what is refused."""

import pytest
from tfx.utils.dependency_utils import make_beam_dependency_flags

from pipeline.config import load_settings
from pipeline.platform_settings import IN_PROCESS, Accelerator, Machine, PlatformSettings
from pipeline.presets import find_preset
from pipeline.production import run_fingerprint


def test_a_section_goes_over_the_default():
    platform = PlatformSettings(default=Machine(cpu=4, memory=16), trainer=Machine(cpu=8, gpu="nvidia-l4 x 2"))
    assert platform.machine_of("MetaTrainer") == Machine(cpu=8, memory=16, gpu="nvidia-l4 x 2")
    assert platform.machine_of("Pusher") == platform.machine_of("EpisodeGenerator") == Machine(cpu=4, memory=16)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"gpu": "nvidia-l4"}, ("nvidia-l4", 1)),
        ({"gpu": "nvidia-a100-80gb x 8"}, ("nvidia-a100-80gb", 8)),
        ({"tpu": "v3 x 8", "gpu": "none"}, ("tpu-v3", 8)),
        ({"gpu": "none"}, None),
        ({}, None),
    ],
)
def test_accelerators(asked, expected):
    assert Machine(**asked).accelerator == (expected and Accelerator(*expected))


def test_an_accelerator_takes_the_place_of_the_default():
    default = Machine(cpu=4, gpu="nvidia-l4")
    assert Machine(tpu="v3 x 8").over(default) == Machine(cpu=4, tpu="v3 x 8")
    assert Machine(gpu="none").over(default).accelerator is None


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            {"trainer": {"gpu": "L4*2"}},
            r"platform.trainer.gpu: expected a kind and a number, such as nvidia-l4 x 1, got 'L4\*2'",
        ),
        ({"trainer": {"tpu": "v3-8 cores"}}, "platform.trainer.tpu: expected a kind and a number, such as v3 x 8, got"),
        ({"trainer": {"tpu": "v3 x 8", "gpu": "nvidia-l4"}}, "platform.trainer: expected gpu or tpu, got both"),
        ({"default": {"beam": []}}, "platform.default.beam: expected one --runner=..., .*got nothing"),
        (
            {"default": {"beam": ["--runner=DaskRunner"]}},
            "another runner than DaskRunner, which computes only the last branch",
        ),
        ({"default": {"beam": ["--runner=DirectRunner"]}}, "another runner than DirectRunner, which may fetch another"),
        (
            {"default": {"beam": ["--runner=switchingdirect"]}},
            "another runner than switchingdirect, which may fetch another",
        ),
        ({"default": {"beam": ["--runner", "DirectRunner", "--runner=FnApiRunner"]}}, "expected one --runner=..."),
        (
            {"default": {"beam": ["--runner=FnApiRunner", "--direct_running_mode=multi_processing"]}},
            "the other modes lose elements under load",
        ),
        ({"default": {"cpu": 0}}, "platform.default.cpu: "),
        ({"trainer": {"gpus": 1}}, "no setting 'platform.trainer.gpus'; did you mean platform.trainer.gpu"),
    ],
)
def test_what_is_refused(layer, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_settings(find_preset("images"), {"platform": layer})


def test_a_machine_changes_no_run():
    given = {"platform": {"trainer": {"cpu": 8}, "default": {"beam": ["--runner=DataflowRunner"]}}}
    plain, equipped = load_settings(find_preset("images")), load_settings(find_preset("images"), given)
    assert plain.content == equipped.content and run_fingerprint(plain, "f") == run_fingerprint(equipped, "f")


def test_tfx_does_not_pack_itself_up_for_workers_in_this_process():
    """It would at every node, and leave the package behind."""
    assert make_beam_dependency_flags([*IN_PROCESS]) == [*IN_PROCESS]
