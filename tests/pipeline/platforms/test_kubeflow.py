"""The same graph, compiled offline for platforms that are not here."""

import json

import pytest
import yaml

from pipeline.config import load_settings
from pipeline.platforms.kubeflow import compile_pipeline
from pipeline.presets import find_preset

ROOT = "gs://bucket/fewshot"
NODES = {
    "ImageListing", "ImageExampleGen", "StatisticsGen", "ImageSchema", "ExampleValidator", "Transform", "EpisodeGenerator",
    "MetaTrainer", "Baseline", "Untrained", "Pixels", "FewShotEvaluator", "Pusher",
}  # fmt: skip


def settings_of(**layer):
    return load_settings(
        find_preset("images"), {"data": {"train_dir": "gs://b/train", "test_dir": "gs://b/test"}}, layer
    )


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_the_graph_compiles(tmp_path, target):
    output = tmp_path / ("job.json" if target == "vertex" else "job.yaml")
    compile_pipeline(settings_of(), ROOT, target, str(output), image="registry/fewshot:1")
    job = yaml.safe_load(output.read_text())
    spec = job["pipelineSpec"] if target == "vertex" else job
    tasks = set(spec["root"]["dag"]["tasks"])
    assert {task.split("-")[0] for task in tasks} == NODES
    executors = json.dumps(spec["deploymentSpec"])
    for name in ("image_example_gen", "episode_generator", "meta_trainer", "few_shot_evaluator", "pusher"):
        assert f"components.{name}.executor.Executor" in executors
    assert "registry/fewshot:1" in executors and "gs://b/train" in output.read_text()


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_where_images_come_in_spans_the_graph_may_end_early(tmp_path, target):
    settings = load_settings(find_preset("images"), {"data": {"images": ["gs://b/photos/span-{SPAN}"]}})
    compile_pipeline(settings, ROOT, target, str(tmp_path / "job"))
    job = yaml.safe_load((tmp_path / "job").read_text())
    tasks = (job["pipelineSpec"] if target == "vertex" else job)["root"]["dag"]["tasks"]
    held = {name.split("-")[0] for name, task in tasks.items() if "condition" in task.get("triggerPolicy", {})}
    assert held == {"Baseline", "MetaTrainer", "Untrained", "Pixels", "FewShotEvaluator", "Pusher"}
    assert "metadata['goes_on'] == 1.0" in tasks["Pusher"]["triggerPolicy"]["condition"]


def test_learners_with_a_fixed_head_compile(tmp_path):
    settings = settings_of(learner={"name": "maml"}, train_episodes={"way": 5}, episodes={"way": 5})
    compile_pipeline(settings, ROOT, "vertex", str(tmp_path / "job.json"))
    assert "maml" in (tmp_path / "job.json").read_text()


def test_the_schema_travels_as_text(tmp_path):
    """The path of this machine is not there."""
    settings, output = settings_of(), tmp_path / "job.json"
    assert compile_pipeline(settings, ROOT, "vertex", str(output)) == ["gs://b/train", "gs://b/test"]
    job = output.read_text()
    assert "image/class/text" in job and "schema.pbtxt" not in job


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_a_cluster_sees_new_images(tmp_path, target):
    """A node that no cache answers for lists them, and its value is a part of the key of the next one."""
    compile_pipeline(settings_of(), ROOT, target, str(tmp_path / "job"))
    job = yaml.safe_load((tmp_path / "job").read_text())
    tasks = (job["pipelineSpec"] if target == "vertex" else job)["root"]["dag"]["tasks"]
    assert {name for name, task in tasks.items() if not task["cachingOptions"].get("enableCache")} == {"ImageListing"}
    given = tasks["ImageExampleGen"]["inputs"]["parameters"]["fingerprint"]["taskOutputParameter"]
    assert given == {"producerTask": "ImageListing", "outputParameterKey": "fingerprint"}


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_files_say_where_artifacts_go_and_hold_no_resolver(tmp_path, target):
    compile_pipeline(settings_of(), ROOT, target, str(tmp_path / "job"))
    job = yaml.safe_load((tmp_path / "job").read_text())
    root = job["runtimeConfig"]["gcsOutputDirectory"] if target == "vertex" else job["defaultPipelineRoot"]
    assert root == f"{ROOT}/artifacts" and "resolver" not in (tmp_path / "job").read_text().lower()


def test_nowhere_to_write(tmp_path):
    with pytest.raises(ValueError, match=r"--output .*/nowhere/job.json: no such folder; create it first"):
        compile_pipeline(settings_of(), ROOT, "vertex", str(tmp_path / "nowhere" / "job.json"))


def test_a_compiled_pipeline_names_what_it_starts_from(tmp_path):
    with pytest.raises(ValueError, match="warm_start=production: expected none or the directory of an exported model"):
        compile_pipeline(settings_of(warm_start="production"), ROOT, "vertex", str(tmp_path / "job.json"))
    compile_pipeline(settings_of(warm_start="gs://b/served/7"), ROOT, "vertex", str(tmp_path / "job.json"))
    assert "gs://b/served/7" in (tmp_path / "job.json").read_text()
