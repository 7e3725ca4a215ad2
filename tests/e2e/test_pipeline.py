"""Whole pipelines, from folders of images to a pushed model, on this machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import latest
from components.pusher.destination import rollback
from pipeline.commands.adapt import adapt
from pipeline.commands.evaluate import evaluate_folder
from pipeline.commands.run import run, run_outputs
from pipeline.config import load_settings
from pipeline.platforms.local import NodeEnd, NodeError
from pipeline.presets import find_preset
from tests import pictures
from tests.e2e.small import SMALL

REPOSITORY = Path(__file__).parents[2]


class Watched:
    """Runs pipelines of one root, and remembers which nodes came from the cache."""

    def __init__(self, root: Path, test: int = 6) -> None:
        self.root, self.folders = root, pictures.write_set(root / "images", test=test)

    def run(self, **layer) -> dict:
        self.cached: dict[str, bool] = {}
        settings = load_settings(find_preset("images"), SMALL, {"data": self.folders}, layer)
        result = run(settings, str(self.root / "runs"), self._note)
        return result | {"settings": settings}

    def _note(self, event) -> None:
        if isinstance(event, NodeEnd):
            self.cached[event.node] = event.outcome == "cached"

    def metrics(self, result: dict) -> dict:
        return json.loads((Path(result["report"]).parent / "metrics.json").read_text())


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Watched:
    return Watched(tmp_path_factory.mktemp("e2e"), test=12)  # enough for an interval over classes


@pytest.fixture(scope="module")
def first(watched) -> dict:
    return watched.run()


def test_from_images_to_a_pushed_model(watched, first):
    assert first["blessed"] is True and set(first["baselines"]) == {"transfer", "untrained", "pixels"}
    metrics = watched.metrics(first)
    assert metrics["episodes"] == 12 and metrics["way"] == [3, 5] and metrics["shot"] == [1, 2]
    assert set(metrics["by_shot"]) == {"1", "2"} and metrics["also"][0]["name"] == "3-way 3-shot"
    assert metrics["independence"]["holds"] and metrics["production"] is None
    assert metrics["over_classes"]["low"] < metrics["accuracy"] < metrics["over_classes"]["high"]
    manifest = Manifest.read(first["pushed_model"])
    assert manifest.metrics["accuracy"] == metrics["accuracy"] and manifest.metrics["ci95"] == metrics["ci95"]
    assert manifest.inductive and manifest.batch_norm == "running"
    report = Path(first["report"]).read_text()
    assert f"{100 * metrics['accuracy']:.2f} %" in report and "test-a" in report
    assert "Learning curves" in report and "training.steps" in report and "PNG 248" in report
    assert "inductive" in report and metrics["baselines"]["transfer"]["inductive"]


def test_by_a_clock_nothing_is_trained_where_nothing_is_new(watched, first, tmp_path):
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(SMALL | {"data": watched.folders}))
    run_it = ["--", "run", "--preset", "images", "--config", str(tmp_path / "settings.yaml")]
    root = watched.root / "runs"
    command = [sys.executable, "-m", "pipeline.cli", "schedule", "--once", "--root", str(root)]
    done = subprocess.run([*command, *run_it], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    (line,) = (root / "schedule" / "runs.log").read_text().splitlines()
    assert line.endswith(": nothing new: nothing was trained") and "exit 0" in line
    health = json.loads((root / "schedule" / "health.json").read_text())
    assert health["state"] == "stopped" and health["last"]["exit"] == 0 and health["failed"] == 0


def test_evaluate_gives_the_evaluators_own_figure(watched, first):
    spec = EpisodeSpec(way=(3, 5), shot=(1, 2), query=4)
    found = evaluate_folder(first["pushed_model"], None, [watched.folders["test_dir"]], "test", spec, 12, 0)
    metrics = watched.metrics(first)
    for key in ("accuracy", "ci95", "over_classes", "episodes"):
        assert found[key] == metrics[key], key  # to the last digit
    for key in ("log_loss", "ece"):  # on some processors the rounding of an image depends on its place in a batch
        assert found[key] == pytest.approx(metrics[key], rel=1e-6), key


def test_the_pushed_model_adapts(watched, first):
    query = Path(watched.folders["test_dir"]) / "test-a" / "kind 00"
    predictions = adapt(first["pushed_model"], watched.folders["test_dir"], str(query))["predictions"]
    assert len(predictions) == 8 and all(0 < one["probability"] <= 1 for one in predictions)


def test_a_client_no_one_here_wrote_drives_all_signatures(watched, first, tmp_path):
    image = sorted(Path(watched.folders["test_dir"]).rglob("*.png"))[0].read_bytes()
    inputs = {
        "support": np.array([image, image]), "labels": np.array([0, 1], np.int32), "query": np.array([image] * 3),
    }  # fmt: skip
    for key, value in inputs.items():
        np.save(tmp_path / f"{key}.npy", value)

    def drive(signature: str, given: dict[str, str]) -> None:
        files = ";".join(f"{name}={tmp_path / file}" for name, file in given.items())
        module = "tensorflow.python.tools.saved_model_cli"
        command = [sys.executable, "-m", module, "run", "--dir", first["pushed_model"], "--tag_set", "serve"]
        command += ["--signature_def", signature, "--inputs", files, "--outdir", str(tmp_path), "--overwrite"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]

    episode = {"support_images": "support.npy", "support_labels": "labels.npy"}
    drive("serving_default", episode | {"query_images": "query.npy"})
    assert np.load(tmp_path / "probabilities.npy").shape == (3, 2)
    drive("adapt", episode)
    state = {"task_state": "task_state.npy", "num_classes": "num_classes.npy", "query_images": "query.npy"}
    drive("predict", state)
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), 0.5, atol=1e-6)  # both classes look the same
    drive("embed", {"images": "query.npy"})
    assert np.load(tmp_path / "embeddings.npy").shape[0] == 3


def test_unchanged_it_comes_from_the_cache(watched, first):
    again = watched.run()
    assert all(watched.cached.values()), watched.cached
    for key in ("accuracy", "ci95", "baselines", "report", "pushed_model"):
        assert again[key] == first[key]


def test_changed_code_does_not(watched, first, monkeypatch):
    import components.fingerprint

    before = components.fingerprint.code_fingerprint
    for component in ("few_shot_evaluator", "meta_trainer"):
        monkeypatch.setattr(f"components.{component}.component.code_fingerprint", lambda *names: before(*names) + "'")
    watched.run()
    assert watched.cached["EpisodeGenerator"] and not watched.cached["MetaTrainer"]
    assert not watched.cached["FewShotEvaluator"]


def test_what_ran_in_between_does_not_matter(watched, first):
    """The same settings on the same images train nothing again: not after more test episodes, nor after another seed."""
    for other in ({"test_episodes": 13}, {"seed": 1}):
        assert watched.run(**other)["run_id"] != first["run_id"]
        again = watched.run()
        trained = {node: cached for node, cached in watched.cached.items() if node in ("MetaTrainer", "Baseline")}
        assert all(trained.values()), other
        assert again["accuracy"] == first["accuracy"] and again["warm_start"] is None


def test_after_a_rollback_the_model_that_is_served_is_the_rival(watched, first):
    destination = os.path.dirname(first["pushed_model"])
    watched.run(seed=1)
    rolled_back = latest(destination)
    served = rollback(destination)
    result = watched.run(seed=2)
    assert result["production"]["version"] == os.path.basename(served)
    assert watched.metrics(result)["served"][-1] == served != rolled_back


@pytest.fixture
def more_classes(watched):
    """Classes of train and of test, and an empty file, that are there for one test."""
    train, test = (Path(watched.folders[f"{split}_dir"]) for split in ("train", "test"))
    for number in range(20, 24):
        pictures.write_class(train, f"train-c/kind {number}")
    pictures.write_class(test, "test-c/kind 30", images=12)
    (train / "train-c" / "kind 20" / "empty.png").touch()
    yield
    shutil.rmtree(train / "train-c")
    shutil.rmtree(test / "test-c")


def test_more_classes_start_from_production_by_request(watched, first, more_classes):
    served = latest(os.path.dirname(first["pushed_model"]))
    result = watched.run(warm_start="production")
    metrics = watched.metrics(result)
    assert (first["rejected"], result["rejected"], result["duplicates"]["across_splits"]) == (0, 1, 0)
    assert "train-c/kind 20/empty.png" in Path(result["report"]).read_text()
    assert not watched.cached["ImageExampleGen"] and metrics["production"]["version"] == os.path.basename(served)
    outputs = run_outputs(str(watched.root / "runs"), result["run_id"])
    manifest = Manifest.read(os.path.join(outputs["MetaTrainer"]["model"].uri, "Format-Serving"))
    assert manifest.lineage["warm_start_from"] == served == metrics["warm_start"] == result["warm_start"]
    assert f"training started from {served}" in Path(result["report"]).read_text()
    untrained = Manifest.read(os.path.join(outputs["Untrained"]["model"].uri, "Format-Serving"))
    assert untrained.lineage["warm_start_from"] is None
    unchanged = watched.run(warm_start="production")
    assert watched.cached["MetaTrainer"] and unchanged["accuracy"] == result["accuracy"]
    assert unchanged["warm_start"] == served, "what it started from the first time, whatever is served now"


def test_duplicates_and_small_classes_are_told_and_in_no_episode(tmp_path):
    own = Watched(tmp_path)
    train, test = (Path(own.folders[f"{split}_dir"]) for split in ("train", "test"))
    for number in range(3):
        shutil.copy(test / "test-a" / "kind 00" / "00.png", test / "test-a" / "kind 00" / f"copy {number}.png")
    shutil.copy(test / "test-a" / "kind 02" / "01.png", test / "test-b" / "kind 01" / "wrong class.png")
    shutil.copy(train / "train-a" / "kind 00" / "00.png", test / "test-b" / "kind 03" / "from train.png")
    for number in range(2, 5):
        shutil.copy(test / "test-b" / "kind 05" / "01.png", test / "test-b" / "kind 05" / f"{number:02}.png")
    result = own.run(name="duplicated", data={"max_reject_fraction": 0})
    assert (
        result["duplicates"] == {"within_class": 6, "across_classes": 2, "across_splits": 1} and result["rejected"] == 0
    )
    assert {one["class_name"] for one in result["duplicate_files"][1]} == {"test-a/kind 02", "test-b/kind 01"}
    listed = json.loads(Path(result["duplicates_list"]).read_text())
    assert len(listed) == 4 and str(test / "test-b" / "kind 05" / "02.png") in [one["path"] for one in listed[2]]
    ingested = json.loads((Path(result["duplicates_list"]).parent / "summary.json").read_text())
    assert ingested["splits"]["test"]["images"] == len(list(test.rglob("*.png"))), "all are counted"
    small = [{"class_name": "test-b/kind 05", "images": 5, "lacks": 1, "domain_lacks": 0}]
    by_split = {(one["split"], one["episodes"]): one for one in result["classes"]}
    assert by_split["test", "3..5-way 1..2-shot"]["classes"] == 5
    assert by_split["test", "3..5-way 1..2-shot"]["classes_too_small"] == small
    assert by_split["train", "4-way 1..2-shot"]["classes_too_small"] == []
    report = Path(result["report"]).read_text()
    assert "wrong class.png" in report and "test-b/kind 05</dt><dd>has 5 images, lacks 1" in report

    episodes = run_outputs(str(own.root / "runs"), result["run_id"])["EpisodeGenerator"]["episodes"].uri
    store = ImageStore.open(os.path.join(episodes, "Split-test", "store"))
    for episode in read_frozen(os.path.join(episodes, "Split-test")):
        shown = [*store.encoded(episode.support), *store.encoded(episode.query)]
        assert len(set(shown)) == len(shown)

    spec = EpisodeSpec(way=(3, 5), shot=(1, 2), query=4)
    model = os.path.join(run_outputs(str(own.root / "runs"), result["run_id"])["MetaTrainer"]["model"].uri)
    found = evaluate_folder(model, None, [own.folders["test_dir"]], "test", spec, 12, 0)
    metrics = own.metrics(result)
    for key in ("accuracy", "ci95", "over_classes", "log_loss", "ece", "episodes"):
        assert found[key] == metrics[key], key  # the same pictures take part
    assert found["duplicates"] == {"within_class": 6, "across_classes": 2}
    assert (found["classes"], found["classes_too_small"]) == (5, small)


def test_duplicates_that_leave_too_few_classes_end_the_run_with_a_sentence(tmp_path):
    """There are enough files, which is all that is known before any is read."""
    own = Watched(tmp_path)
    for number in range(1, 8):
        folder = Path(own.folders["val_dir"]) / "val-a" / "kind 00"
        shutil.copy(folder / "00.png", folder / f"{number:02}.png")
    said = (
        r"^EpisodeGenerator: split 'val': episodes of 3..5-way 1..2-shot with 4 query images need 5 classes of at least 6"
        r" images each, but only 4 of 5 have so many \(files with the same picture, 7 here, do not count: see"
        r" .*duplicates.json\): .* \(val-a/kind 00 lacks 5\), or lower episodes.way, episodes.shot or episodes.query$"
    )
    with pytest.raises(NodeError) as refused:
        own.run(name="duplicated")
    assert re.match(said, str(refused.value)) and refused.value.__notes__ == [
        "the same command goes on from EpisodeGenerator"
    ]


def test_what_is_not_blessed_is_not_pushed(watched, first):
    result = watched.run(gate={"threshold": 1.0}, name="strict")
    assert result["blessed"] is False and result["pushed_model"] is None
    assert "below the threshold of 100.00 %" in result["reasons"][0]
    assert not (watched.root / "runs" / "serving" / "strict").exists()


def test_another_gate_judges_nothing_again(watched, first):
    kept = watched.root / "runs" / "judged"
    watched.run()  # beside the model that is in production now, whatever was pushed before
    before = set(kept.iterdir())
    result = watched.run(gate={"threshold": 1.0})
    assert watched.cached["MetaTrainer"] and not watched.cached["FewShotEvaluator"]
    assert result["blessed"] is False and result["accuracy"] == first["accuracy"]
    assert set(kept.iterdir()) == before and len(before) > 4, "a result of each model on each set of episodes"


def test_the_best_candidate_on_validation_classes_is_pushed(watched, first):
    """Three candidates, two of them behind a frozen trunk: what the trunk makes of the images is computed once for each trunk."""
    frozen = {"base_model": {"trainable": "none"}, "learner": {"settings": {"distance": "cosine", "whiten": 10}}}
    result = watched.run(
        name="chosen",
        candidates=[
            {"name": "frozen", "training": {"steps": 0}, **frozen},
            {"name": "last", "base_model": {"trainable": "last 2", "views": 2}},
            {"name": "whole"},
        ],
    )
    assert {"Features-none", "Features-last-2", "MetaTrainer-frozen", "ModelChooser"} <= watched.cached.keys()
    assert set(result["baselines"]) == {"pixels"}
    (record,) = watched.root.glob("runs/artifacts/ModelChooser/model_run/*/choice.json")
    choice = json.loads(record.read_text())
    accuracies = {one["name"]: one["validation"]["accuracy"] for one in choice["candidates"]}
    assert list(accuracies) == ["frozen", "last", "whole"]
    assert accuracies[choice["chosen"]] == max(accuracies.values())
    (served,) = watched.root.glob("runs/artifacts/ModelChooser/model/*/Format-Serving")
    trainable = {"frozen": "none", "last": "last 2", "whole": "all"}[choice["chosen"]]
    assert Manifest.read(str(served)).trainable == trainable
    metrics = watched.metrics(result)
    assert metrics["chosen"] == choice["chosen"] and metrics["candidates"].keys() == accuracies.keys() - {
        choice["chosen"]
    }
    for name, other in metrics["candidates"].items():
        assert other["validation"]["accuracy"] == accuracies[name] and 0 <= other["accuracy"] <= 1
    report = Path(result["report"]).read_text()
    assert report.count("a candidate that was not chosen") == 2
    again = watched.run(name="chosen", candidates=[{"name": "frozen", "training": {"steps": 0}, **frozen}])
    assert (
        watched.cached["Features-none"] and not watched.cached["MetaTrainer"] and "ModelChooser" not in watched.cached
    )
    assert again["run_id"] != result["run_id"]


def test_an_anomaly_stops_the_run_with_a_sentence(watched, first, tmp_path):
    schema = (REPOSITORY / "data" / "schema.pbtxt").read_text()
    strict = tmp_path / "schema.pbtxt"
    strict.write_text(schema.replace('"PNG"', '"JPEG-XL"'))
    assert strict.read_text() != schema
    with pytest.raises(NodeError, match="EpisodeGenerator: data validation found .* anomalies: split .*image/format"):
        watched.run(schema_file=str(strict), name="anomalous")


@pytest.mark.slow
def test_killed_and_started_again_it_ends_the_same(tmp_path, watched, first):
    """The 10 kills of docs/benchmarks.md in small: one in the middle of training, of a run in a process of its own."""
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(SMALL | {"data": Watched(tmp_path, test=12).folders}))
    root = tmp_path / "runs"
    command = [sys.executable, "-m", "pipeline.cli", "run", "--config", str(config), "--root", str(root), "--json"]
    child = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not list((root / "checkpoints").glob("*/checkpoint.npz")):
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    for key in ("accuracy", "ci95", "baselines"):
        assert result[key] == first[key], key
    assert [name for name in os.listdir(root / "serving" / "small") if name.isdigit()] == [
        os.path.basename(result["pushed_model"])
    ]
