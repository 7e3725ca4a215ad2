"""The same graph, compiled offline for platforms that are not here."""

import json

import pytest
import yaml

from pipeline.config import load_settings
from pipeline.platforms.kubeflow import compile_pipeline
from pipeline.presets import find_preset

ROOT = "gs://bucket/fewshot"
NODES = {
    "ImageExampleGen", "StatisticsGen", "ImageSchema", "ExampleValidator", "Transform", "EpisodeGenerator",
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


def test_learners_with_a_fixed_head_compile(tmp_path):
    settings = settings_of(learner={"name": "maml"}, train_episodes={"way": 5}, episodes={"way": 5})
    compile_pipeline(settings, ROOT, "vertex", str(tmp_path / "job.json"))
    assert "maml" in (tmp_path / "job.json").read_text()


def test_a_cluster_sees_new_images_and_has_the_schema(tmp_path):
    """Its driver takes a fingerprint of these patterns; the schema travels as text, for this machine's path is not there."""
    settings, output = settings_of(), tmp_path / "job.json"
    assert compile_pipeline(settings, ROOT, "vertex", str(output)) == ["gs://b/train", "gs://b/test"]
    job = output.read_text()
    for depth in ("*", "*/*", "*/*/*"):
        for side in ("train", "test"):
            assert f'{side}/{depth}\\"' in job or f'{side}/{depth}"' in job, (side, depth)
    assert "gs://b/train/gs://" not in job and "image/class/text" in job and "schema.pbtxt" not in job


def test_nowhere_to_write(tmp_path):
    with pytest.raises(ValueError, match=r"--output .*/nowhere/job.json: no such folder; create it first"):
        compile_pipeline(settings_of(), ROOT, "vertex", str(tmp_path / "nowhere" / "job.json"))


def test_a_compiled_pipeline_names_what_it_starts_from(tmp_path):
    with pytest.raises(ValueError, match="warm_start=production: expected none or the directory of an exported model"):
        compile_pipeline(settings_of(warm_start="production"), ROOT, "vertex", str(tmp_path / "job.json"))
    compile_pipeline(settings_of(warm_start="gs://b/served/7"), ROOT, "vertex", str(tmp_path / "job.json"))
    assert "gs://b/served/7" in (tmp_path / "job.json").read_text()
