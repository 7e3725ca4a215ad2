"""Compiled pipelines, run as a platform runs them, against the run on this machine."""

import json
from pathlib import Path

import pytest

from pipeline.commands.run import run
from pipeline.config import load_settings
from pipeline.history import runs
from pipeline.history.pushed import NODES
from pipeline.platforms.kubeflow import compile_pipeline
from pipeline.presets import find_preset
from tests import pictures
from tests.cloud.bucket import Bucket
from tests.cloud.platform import Job, Platform
from tests.e2e.small import SMALL, TINY

OTHERWISE = ("lineage", "served", "production", "best")  # of metrics, what names places or what was there before


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return pictures.write_set(tmp_path_factory.mktemp("images"), test=12)


@pytest.fixture(scope="module")
def here(folders, tmp_path_factory):
    """The metrics of the run on this machine."""
    settings = load_settings(find_preset("images"), SMALL, {"data": folders})
    result = run(settings, str(tmp_path_factory.mktemp("here")), lambda event: None)
    return json.loads((Path(result["report"]).parent / "metrics.json").read_text())


@pytest.fixture(scope="module")
def bucket(folders, tmp_path_factory):
    """A bucket with the same images."""
    with Bucket("bucket", tmp_path_factory.mktemp("server")) as made:
        for side, folder in folders.items():
            for path in Path(folder).rglob("*.png"):
                made.write(f"gs://bucket/images/{side}/{path.relative_to(folder)}", path.read_bytes())
        yield made


class Cluster:
    """A platform with a root in the bucket, to which jobs are compiled and sent."""

    def __init__(self, bucket: Bucket, target: str, directory: Path) -> None:
        self.bucket, self.target, self.directory = bucket, target, directory
        self.platform = Platform(directory / "platform", bucket.environment, bucket.read)

    def run(self, name: str, folders: dict, **layer) -> tuple[Job, dict]:
        """The job, and its metrics."""
        data = {"data": {side: f"gs://bucket/images/{side}" for side in folders}}
        compiled = self.directory / "job"
        settings = load_settings(find_preset("images"), SMALL, data, layer)
        compile_pipeline(settings, f"gs://bucket/{self.target}", self.target, str(compiled))
        job = self.platform.run(compiled, name)
        uri = job.outputs["FewShotEvaluator"].artifacts["evaluation"]["uri"]
        return job, json.loads(self.bucket.read(f"{uri}/metrics.json"))

    @property
    def temporary(self) -> list[str]:
        """The objects of its root that only work needed."""
        own = [name for name in self.bucket.blobs if name.startswith(f"{self.target}/")]
        return [name for name in own if "temp" in name or name.endswith((".new", ".unfinished", ".tmp"))]

    @property
    def served(self) -> set[str]:
        """The versions in the push destination."""
        prefix = f"{self.target}/serving/small/"
        names = [name.removeprefix(prefix).split("/") for name in self.bucket.blobs if name.startswith(prefix)]
        return {parts[0] for parts in names if len(parts) > 1 and parts[0].isdigit()}


def alike(metrics: dict, here: dict) -> bool:
    """Whether all figures of two runs are the same to the last digit."""
    ours, theirs = ({key: one for key, one in of.items() if key not in OTHERWISE} for of in (metrics, here))
    return ours == theirs


def tells_its_history(cluster: Cluster, run_id: str, here: dict) -> None:
    """The bucket alone says which run pushed the model, of what accuracy, and what it was made from."""
    root = f"gs://bucket/{cluster.target}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.bucket.environment.items():
            patch.setenv(name, value)
        (found,) = [one for one in runs.list_runs(root) if one.run_id == run_id]
        traced = runs.lineage(root, str(found.pushed_model))
        told = runs.show_run(root, run_id).nodes
    assert (found.accuracy, found.ci95, found.blessed) == (here["accuracy"], here["ci95"], True)
    assert [one.node for one in told] == [node.name for node in NODES]
    assert [one.type for one in traced if one.type in ("Model", "PushedModel")] == ["Model", "PushedModel"]
    (trainer,) = [one for one in traced if one.node == "MetaTrainer"]
    assert trainer.settings["settings"]["steps"] == 30


def test_vertex(tmp_path, bucket, folders, here):
    """The first job equals the run on this machine, the same again does nothing, and another one meets what was pushed."""
    cluster = Cluster(bucket, "vertex", tmp_path)
    _, metrics = cluster.run("first", folders)
    assert alike(metrics, here) and metrics["production"] is None and len(cluster.served) == 1
    assert cluster.temporary == []
    job, _ = cluster.run("again", folders)
    assert job.ran == ["ImageListing"] and len(cluster.served) == 1
    job, metrics = cluster.run("other settings", folders, training={"learning_rate": 0.004})
    assert "MetaTrainer" in job.ran and not {"ImageExampleGen", "Transform", "EpisodeGenerator"} & set(job.ran)
    assert metrics["production"]["accuracy"] == here["accuracy"] and "difference" in metrics["production"]
    tells_its_history(cluster, "first", here)


def test_kubeflow(tmp_path, bucket, folders, here):
    """The same, where somebody else's model is served: it is named, and stops nothing."""
    bucket.write("gs://bucket/kubeflow/serving/small/7/saved_model.pb", b"of somebody else")
    cluster = Cluster(bucket, "kubeflow", tmp_path)
    _, metrics = cluster.run("first", folders)
    assert alike(metrics, here) and len(cluster.served) == 2
    assert "no few-shot model at gs://bucket/kubeflow/serving/small/7" in metrics["production"]["not_comparable"]
    assert cluster.temporary == []
    job, _ = cluster.run("again", folders)
    assert job.ran == ["ImageListing"] and len(cluster.served) == 2
    tells_its_history(cluster, "first", here)


def test_spans_on_a_cluster(tmp_path, bucket):
    """What came needs no training: the job ends after the DriftDetector, and what is served stays."""

    def arrive(span: int, numbers: range) -> None:
        for number in numbers:
            pictures.write_class(tmp_path / "photos", f"kind {number:03}", 6, first=6 * span)
            for path in (tmp_path / "photos" / f"kind {number:03}").glob("*.png"):
                bucket.write(f"gs://bucket/photos/span-{span}/kind {number:03}/{path.name}", path.read_bytes())

    data = {"data": {"images": ["gs://bucket/photos/span-{SPAN}"]}, "drift": {"retrain": "needed"}, "name": "small"}
    compile_pipeline(
        load_settings(find_preset("images"), TINY, data), "gs://bucket/spans", "vertex", str(tmp_path / "job")
    )
    cluster = Cluster(bucket, "spans", tmp_path)
    arrive(1, range(14))
    assert "Pusher" in cluster.platform.run(tmp_path / "job", "first").ran and len(cluster.served) == 1
    arrive(2, range(14, 16))
    job = cluster.platform.run(tmp_path / "job", "second")
    assert "DriftDetector" in job.ran and not {"MetaTrainer", "FewShotEvaluator", "Pusher"} & set(job.outputs)
    assert job.outputs["DriftDetector"].artifacts["drift"]["metadata"]["decision"] == "adapt only"
    assert len(cluster.served) == 1 and cluster.temporary == []
