import json
import os
import shutil

import pytest
from tfx.components.pusher import component as tfx_component
from tfx.components.pusher import executor as tfx_executor
from tfx.types import channel_utils, standard_artifacts
from tfx.utils import path_utils

from components.fewshot import integrity
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import ImageSpec
from components.fewshot.integrity import Damaged
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import latest, list_versions
from components.pusher.component import Pusher
from components.pusher.destination import rollback
from components.pusher.executor import Executor

METRICS = {
    "accuracy": 0.91,
    "ci95": 0.004,
    "over_classes": {"low": 0.88, "high": 0.93, "classes": 30},
    "log_loss": 0.3,
    "ece": 0.02,
    "episodes": 200,
    "way": 5,
    "shot": 1,
    "histogram": [1] * 20,
    "by_domain": {"Angelic": 0.9},
    "baselines": {"pixels": {"accuracy": 0.4, "ci95": 0.01, "difference": {"mean": 0.51, "ci95": 0.01}}},
    "production": None,
    "best": None,
    "warm_start": None,
    "served": ["served/1"],
    "also": [{"name": "20-way 1-shot", "way": 20, "accuracy": 0.8, "ci95": 0.01, "episodes": 50, "histogram": [1]}],
    "blessed": True,
    "episodes_hash": "f00",
}


def artifact(kind, uri, number):
    made = kind()
    made.uri, made.id = str(uri), number
    os.makedirs(made.uri, exist_ok=True)
    return made


@pytest.fixture
def inputs(tmp_path):
    """A blessed model with its evaluation, as artifacts on disk."""
    model = artifact(standard_artifacts.Model, tmp_path / "MetaTrainer" / "model" / "7", 11)
    directory = path_utils.serving_model_dir(model.uri)
    os.makedirs(directory)
    with open(os.path.join(directory, "saved_model.pb"), "w") as file:
        file.write("graph")
    Manifest(
        learner="protonet",
        base_model="conv4",
        image=ImageSpec(height=8, width=8, channels=1),
        episodes=EpisodeSpec(),
        batch_norm="running",
        inductive=True,
        seed=0,
        steps=3,
        data={"fingerprint_test": "abc"},
    ).write(directory)
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing", 12)
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_string_custom_property("current_model", model.uri)
    evaluation = artifact(standard_artifacts.ModelEvaluation, tmp_path / "evaluation", 13)
    with open(os.path.join(evaluation.uri, "metrics.json"), "w") as file:
        json.dump(METRICS, file)
    return {"model": [model], "model_blessing": [blessing], "evaluation": [evaluation]}


@pytest.fixture
def do(tmp_path):
    """Runs the executor on inputs; answers with the PushedModel artifact."""
    executions = iter(range(100))

    def run(inputs, keep=3):
        pushed = artifact(standard_artifacts.PushedModel, tmp_path / "Pusher" / str(next(executions)), 0)
        properties = {"destination": str(tmp_path / "served"), "keep": keep, "run": "f1n6e7", "recipe": "r3c1pe"}
        Executor().Do(inputs, {"pushed_model": [pushed]}, properties)
        return pushed

    return run


@pytest.fixture
def served(tmp_path):
    return str(tmp_path / "served")


def test_a_blessed_model_is_pushed_and_the_artifact_says_where_as_tfx_does(inputs, do, served):
    pushed = do(inputs)
    path = latest(served)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == path
    assert pushed.get_string_custom_property("pushed_version") == os.path.basename(path)
    assert Manifest.read(pushed.uri) == Manifest.read(path)
    assert os.path.exists(os.path.join(pushed.uri, "saved_model.pb"))


def test_the_manifest_tells_headline_metrics_fingerprints_and_lineage(inputs, do, served):
    do(inputs)
    manifest = Manifest.read(latest(served))
    told = METRICS.keys() - {"histogram", "by_domain", "also"}
    assert {key: manifest.metrics[key] for key in told} == {key: METRICS[key] for key in told}
    assert manifest.metrics["also"] == [{"name": "20-way 1-shot", "accuracy": 0.8, "ci95": 0.01, "episodes": 50}]
    assert not {"histogram", "by_domain"} & set(manifest.metrics)
    assert manifest.data == {"fingerprint_test": "abc"}
    model = inputs["model"][0]
    assert manifest.lineage["model"] == {"id": 11, "uri": model.uri}
    assert (manifest.lineage["model_blessing"]["id"], manifest.lineage["evaluation"]["id"]) == (12, 13)
    assert (manifest.lineage["run"], manifest.lineage["recipe"]) == ("f1n6e7", "r3c1pe")
    assert manifest.lineage["push"]["blessing"] == {"blessed": 1}


def test_without_an_evaluation_a_model_is_pushed_with_the_metrics_it_has(inputs, do, served):
    del inputs["evaluation"]
    do(inputs)
    assert Manifest.read(latest(served)).metrics == {}


def test_an_evaluation_without_metrics_stops_the_push(inputs, do, served):
    os.remove(os.path.join(inputs["evaluation"][0].uri, "metrics.json"))
    with pytest.raises(FileNotFoundError, match=r"no evaluation at .* expected a file metrics.json"):
        do(inputs)
    assert list_versions(served) == []


def test_a_model_that_is_not_blessed_is_not_pushed(inputs, do, served):
    inputs["model_blessing"][0].set_int_custom_property("blessed", 0)
    pushed = do(inputs)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not pushed.has_custom_property("pushed_destination")
    assert not os.path.exists(served)


@pytest.mark.parametrize("none", [{}, {"model_blessing": []}])
def test_a_model_without_any_blessing_is_not_pushed(inputs, do, served, none):
    del inputs["model_blessing"]
    assert do(inputs | none).get_int_custom_property("pushed") == 0
    assert not os.path.exists(served)


def test_the_blessing_of_another_model_is_refused(inputs, do, served):
    inputs["model_blessing"][0].set_string_custom_property("current_model", "/another/model")
    with pytest.raises(ValueError, match=r"expected a blessing of the model .* got one of /another/model"):
        do(inputs)
    assert not os.path.exists(served)


def test_the_execution_after_a_kill_finds_the_version_of_the_one_before(inputs, do, served):
    first, second = do(inputs), do(inputs)
    assert len(list_versions(served)) == 1
    for key in ("pushed_destination", "pushed_version"):
        assert first.get_string_custom_property(key) == second.get_string_custom_property(key)
    assert Manifest.read(second.uri) == Manifest.read(first.uri)


def test_a_blessing_that_says_the_same_in_another_execution_is_the_same_push(inputs, do, served, tmp_path):
    do(inputs)
    again = artifact(standard_artifacts.ModelBlessing, tmp_path / "another blessing", 99)
    again.set_int_custom_property("blessed", 1)
    again.set_string_custom_property("current_model", inputs["model"][0].uri)
    do(inputs | {"model_blessing": [again]})
    assert len(list_versions(served)) == 1


def test_a_blessing_against_another_model_is_another_push(inputs, do, served):
    do(inputs)
    inputs["model_blessing"][0].set_string_custom_property("baseline_model", "/earlier")
    do(inputs)
    assert len(list_versions(served)) == 2


def test_a_model_that_was_rolled_back_is_not_pushed_again_by_itself(inputs, do, served):
    do(inputs)
    inputs["model_blessing"][0].set_string_custom_property("baseline_model", "/earlier")
    do(inputs)
    before = rollback(served)
    pushed = do(inputs)
    assert latest(served) == before
    assert pushed.get_int_custom_property("pushed") == 0 and not pushed.has_custom_property("pushed_destination")


def test_the_component_is_a_pusher_of_tfx_with_our_parameters():
    def channel(kind):
        return channel_utils.as_channel([kind()])

    model, blessing = channel(standard_artifacts.Model), channel(standard_artifacts.ModelBlessing)
    pusher = Pusher(
        model, blessing, destination="/served", keep=2, evaluation=channel(standard_artifacts.ModelEvaluation)
    )
    assert isinstance(pusher, tfx_component.Pusher) and issubclass(Executor, tfx_executor.Executor)
    assert pusher.EXECUTOR_SPEC.executor_class is Executor
    assert (pusher.exec_properties["destination"], pusher.exec_properties["keep"]) == ("/served", 2)
    assert len(pusher.exec_properties["code_fingerprint"]) == 16
    assert set(pusher.inputs) == {"model", "model_blessing", "evaluation"}
    assert pusher.outputs["pushed_model"].type is standard_artifacts.PushedModel
    assert set(Pusher(model, blessing, destination="/served", keep=2).inputs) == {"model", "model_blessing"}


def flip(path):
    with open(path, "r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))


def test_no_damaged_file_leads_to_a_push(inputs, do, served):
    model = inputs["model"][0].uri
    integrity.seal(model)
    flip(os.path.join(path_utils.serving_model_path(model), "saved_model.pb"))
    with pytest.raises(Damaged, match=r"saved_model.pb has other bytes than were written"):
        do(inputs)
    assert list_versions(served) == []


def test_a_damaged_version_is_not_called_pushed(inputs, do, served):
    first = do(inputs)
    path = latest(served)
    assert integrity.damage(path, every_byte=True) is None and integrity.damage(first.uri) is None
    flip(os.path.join(path, "saved_model.pb"))
    with pytest.raises(
        Damaged, match=r"is damaged \(saved_model.pb has .*: remove this version, and a run of its settings"
    ):
        do(inputs)
    shutil.rmtree(path)
    assert do(inputs).get_string_custom_property("pushed_destination") == latest(served)
    assert len(list_versions(served)) == 1


def test_a_model_that_is_made_again_is_not_pushed_again(inputs, do, served):
    """Its files and its place are others, its weights the same."""
    directory = path_utils.serving_model_path(inputs["model"][0].uri)
    manifest = Manifest.read(directory)
    manifest.lineage["model_fingerprint"] = "same"
    manifest.write(directory)
    first = do(inputs)
    again = artifact(standard_artifacts.Model, inputs["model"][0].uri + "0", 21)
    shutil.copytree(inputs["model"][0].uri, again.uri, dirs_exist_ok=True)
    with open(os.path.join(path_utils.serving_model_path(again.uri), "saved_model.pb"), "a") as file:
        file.write(" with other names")
    inputs["model_blessing"][0].set_string_custom_property("current_model", again.uri)
    second = do(inputs | {"model": [again]})
    assert list_versions(served) == [int(first.get_string_custom_property("pushed_version"))]
    assert second.get_string_custom_property("pushed_destination") == latest(served)
