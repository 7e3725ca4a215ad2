"""Machines and engines in compiled pipelines."""

import json

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.config import load_settings
from pipeline.graph import create_pipeline
from pipeline.platform_settings import IN_PROCESS, Machine
from pipeline.platforms.kubeflow import compile_pipeline
from pipeline.platforms.machines import resources
from pipeline.presets import find_preset

DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/tmp"]


def settings_of(**platform):
    data = {"train_dir": "gs://b/train", "test_dir": "gs://b/test"}
    return load_settings(find_preset("images"), {"data": data, "platform": platform})


@pytest.mark.parametrize(("target", "kind"), [("vertex", "NVIDIA_L4"), ("kubeflow", "nvidia.com/gpu")])
def test_resources_and_beam_arguments_are_in_both_files(tmp_path, target, kind):
    settings = settings_of(
        default={"cpu": 4, "memory": 16}, trainer={"cpu": 8, "gpu": "nvidia-l4 x 2"}, ingest={"beam": DATAFLOW}
    )
    compile_pipeline(settings, "gs://b/root", target, str(tmp_path / "job"))
    job = yaml.safe_load((tmp_path / "job").read_text())
    executors = (job["pipelineSpec"] if target == "vertex" else job)["deploymentSpec"]["executors"]
    machines = {name.removesuffix("_executor"): one["container"]["resources"] for name, one in executors.items()}
    for trainer in ("MetaTrainer", "Baseline", "Untrained", "Pixels"):
        assert machines[trainer]["accelerator"]["type"] == kind and int(machines[trainer]["accelerator"]["count"]) == 2
        assert machines[trainer]["cpuLimit"] == 8 and machines[trainer]["memoryLimit"] == 16
    for other in ("ImageListing", "ImageExampleGen", "EpisodeGenerator", "FewShotEvaluator", "Pusher"):
        assert machines[other]["resourceCpuLimit"] == "4" and machines[other]["resourceMemoryLimit"] == "16G"
        assert "accelerator" not in machines[other]
    beam = {
        name: [word for word in one["container"]["args"] if word.startswith("--runner")]
        for name, one in executors.items()
    }
    assert beam["ImageExampleGen_executor"] == beam["Transform_executor"] == DATAFLOW[:1]
    assert beam["FewShotEvaluator_executor"] == list(IN_PROCESS[:1]) and not beam["MetaTrainer_executor"]
    assert set(DATAFLOW) <= set(executors["ImageExampleGen_executor"]["container"]["args"])


def test_labels_of_machines_are_for_kubernetes_alone(tmp_path):
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    settings = settings_of(trainer={"gpu": "nvidia-l4 x 1", "labels": labels})
    compile_pipeline(settings, "gs://b/root", "kubeflow", str(tmp_path / "job.yaml"))
    job, beside = yaml.safe_load_all((tmp_path / "job.yaml").read_text())
    asked = json_format.ParseDict(
        beside, pipeline_spec_pb2.PlatformSpec()
    )  # its own form refuses what it does not know
    executors = json_format.MessageToDict(asked)["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    trainers = {f"{name}_executor" for name in ("MetaTrainer", "Baseline", "Untrained", "Pixels")}
    assert executors == {name: {"nodeSelector": {"labels": labels}} for name in trainers}
    assert trainers <= set(job["deploymentSpec"]["executors"])
    compile_pipeline(settings, "gs://b/root", "vertex", str(tmp_path / "job.json"))
    assert "gke-accelerator" not in json.dumps(json.loads((tmp_path / "job.json").read_text())["pipelineSpec"]["root"])


def test_nothing_is_asked_for_by_default(tmp_path):
    compile_pipeline(settings_of(), "gs://b/root", "vertex", str(tmp_path / "job"))
    assert "resources" not in json.dumps(json.loads((tmp_path / "job").read_text()))


def test_half_a_core():
    assert resources(Machine(cpu=0.5, memory=1.5), "kubeflow").resource_cpu_limit == "0.5"
    assert resources(Machine(cpu=0.5, memory=1.5), "kubeflow").resource_memory_limit == "1.5G"


def test_a_seller_that_kubernetes_does_not_know():
    assert resources(Machine(gpu="amd-mi300 x 2"), "kubeflow").accelerator.type == "amd.com/gpu"
    assert resources(Machine(tpu="v3 x 8"), "kubeflow").accelerator.type == "google.com/tpu"
    assert resources(Machine(tpu="v3 x 8"), "vertex").accelerator.type == "TPU_V3"
    with pytest.raises(
        ValueError, match="gpu=l4: expected a kind that begins with its seller, nvidia or amd, as nvidia-l4"
    ):
        resources(Machine(gpu="l4"), "kubeflow")


def test_large_numbers_are_written_out():
    asked = resources(Machine(cpu=96, memory=1234567), "kubeflow")
    assert (asked.resource_cpu_limit, asked.resource_memory_limit) == ("96", "1234567G")


def test_a_run_on_this_machine_asks_nobody_for_an_accelerator():
    settings = settings_of(trainer={"gpu": "l4"})
    assert create_pipeline(settings, settings.data, "runs", data_fingerprint="f").id == "images"


def test_an_engine_of_ones_own_on_this_machine():
    settings = settings_of(default={"beam": DATAFLOW})
    pipeline = create_pipeline(settings, settings.data, "runs", data_fingerprint="f")
    specs = {node.id: node.executor_spec for node in pipeline.components}
    found = {name: spec.beam_pipeline_args for name, spec in specs.items() if hasattr(spec, "beam_pipeline_args")}
    assert set(found) >= {"ImageExampleGen", "StatisticsGen", "Transform", "EpisodeGenerator", "FewShotEvaluator"}
    assert all(args == DATAFLOW for args in found.values())
