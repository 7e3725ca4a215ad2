"""A whole pipeline over images with boxes: from the pictures to a pushed detector that finds objects."""

import json
from pathlib import Path

import pytest

from pipeline.commands.detect import detect
from pipeline.commands.run import run
from pipeline.config import load_settings
from pipeline.presets import find_preset
from tests.components.scenes import SIDES, write_scenes

TINY = {
    "name": "scenes",
    "image": {"height": 64, "width": 64, "channels": 3},
    "train_episodes": {"way": 3, "shot": 1, "query": 1},
    "episodes": {"way": 2, "shot": 1, "query": 2, "negatives": 1},
    "validation_episodes": 2,
    "test_episodes": 6,
    "also": [],
    "base_model": {"settings": {"filters": 8, "embedding": 16}},
    "learner": {"settings": {"proposals": 8}},
    "training": {"steps": 4, "validate_every": 4},
    "gate": {"require_baselines": False},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict:
    root = tmp_path_factory.mktemp("detection")
    settings = load_settings(
        find_preset("detect"), TINY, {"data": {"kind": "detection", **write_scenes(root / "pictures")}}
    )
    return run(settings, str(root / "runs"), lambda event: None) | {"pictures": root / "pictures"}


@pytest.mark.slow
def test_a_detector_is_trained_judged_and_pushed(result):
    metrics = json.loads((Path(result["report"]).parent / "metrics.json").read_text())
    assert 0 <= metrics["ap50"] <= 1 and metrics["episodes"] == 6 and metrics["independence"]["holds"]
    assert set(metrics["baselines"]) == {"transfer", "untrained", "head_steps"}
    assert result["blessed"] and Path(result["pushed_model"], "saved_model.pb").exists()
    manifest = json.loads(Path(result["pushed_model"], "assets.extra", "fewshot.json").read_text())
    assert manifest["kind"] == "detection" and 0 <= manifest["score_threshold"]["threshold"] <= 1


@pytest.mark.slow
def test_it_finds_objects_of_new_classes(result):
    """Four steps teach nothing, but everything is in its place: pictures, classes and boxes in 0..1."""
    pictures = str(result["pictures"] / "test")
    found = detect(result["pushed_model"], support=pictures, query=pictures, threshold=0.0).result
    assert len(found["pictures"]) == 12 and set(found["classes"]) == set(SIDES["test"])
    for one in (one for picture in found["pictures"] for one in picture["objects"]):
        assert one["label"] in SIDES["test"] and all(0 <= edge <= 1 for edge in one["box"])
