"""One folder is enough: whole pipelines on folders that nobody has divided."""

import json
from pathlib import Path

import pytest

from components.fewshot.serving.manifest import Manifest
from pipeline.commands.run import run, run_outputs
from pipeline.config import load_settings
from pipeline.presets import find_preset
from tests import pictures
from tests.e2e.small import TINY

LITE = {
    "image": {"height": 64, "width": 64, "channels": 3},
    "base_model": {"name": "efficientnet_lite0"},
    "training": {"steps": 0},
}


def run_on(root: Path, images: list[int], **layer) -> tuple[dict, dict, Manifest]:
    """Runs on a folder of classes with so many images; answers with the result, the summary of the images and the manifest."""
    for number, count in enumerate(images):
        pictures.write_class(root / "photos", f"kind {number:03}", count)
    layer = {"data": {"images": [str(root / "photos")]}} | layer
    settings = load_settings(find_preset("images"), TINY, layer)
    result = run(settings, str(root / "runs"), lambda event: None)
    outputs = run_outputs(str(root / "runs"), result["run_id"])
    summary = json.loads((Path(outputs["ImageExampleGen"]["examples"].uri) / "summary.json").read_text())
    (manifest,) = Path(outputs["MetaTrainer"]["model"].uri).rglob("fewshot.json")
    return result, summary["splits"], Manifest.read(str(manifest.parents[1]))


def kinds(result: dict) -> dict[str, tuple[str, int]]:
    return {one["split"]: (one["episodes"], one["query"]) for one in result["classes"]}


@pytest.mark.slow
def test_two_classes_of_two_images(tmp_path):
    result, splits, manifest = run_on(tmp_path, [2, 2], **LITE)
    assert [splits[split]["classes"] for split in ("train", "val", "test")] == [0, 0, 2]
    assert kinds(result) == {"test": ("2-way 1-shot", 1)} and result["train_classes"] == 0
    assert manifest.steps == 0 and manifest.validation == {} and manifest.base_model == "efficientnet_lite0"
    assert result["blessed"] and Path(result["pushed_model"]).is_dir()
    report = Path(result["report"]).read_text()
    assert "2 classes are too few to train on, so all are test classes" in report
    assert "fitted to the images: 2-way 1-shot, 1 query image a class" in report


@pytest.mark.slow
def test_photographs_of_two_classes(tmp_path):
    """The preset for photographs with nothing to train on: the first candidate, and the floor as its only baseline."""
    for name in ("one", "two"):
        pictures.write_class(tmp_path / "photos", name, 2)
    small = {"image": LITE["image"], "test_episodes": 4, "data": {"images": [str(tmp_path / "photos")]}}
    result = run(load_settings(find_preset("photos-fast"), small), str(tmp_path / "runs"), lambda event: None)
    assert result["chosen"] == "frozen" and set(result["candidates"]) == {"whitened", "transfer"}
    assert set(result["baselines"]) == {"pixels"} and not result["train_classes"]
    assert kinds(result) == {"test": ("2-way 1-shot", 1)}


@pytest.mark.slow
def test_three_classes_of_four_images(tmp_path):
    with pytest.raises(
        ValueError, match=r"^3 classes with 12 images are too few to train on: .* add 5 classes of 2 images"
    ):
        run_on(tmp_path, [4, 4, 4])
    assert not (tmp_path / "runs" / "artifacts").exists(), "it is said before anything runs"
    result, splits, manifest = run_on(tmp_path, [4, 4, 4], training={"steps": 0})
    assert [splits[split]["classes"] for split in ("train", "val", "test")] == [0, 0, 3]
    assert kinds(result) == {"test": ("3-way 1-shot", 3)} and manifest.steps == 0


@pytest.mark.slow
def test_twelve_classes_of_very_different_sizes(tmp_path):
    result, splits, manifest = run_on(tmp_path, [2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 45, 60])
    assert [splits[split]["classes"] for split in ("train", "val", "test")] == [6, 2, 4]
    assert sum(splits[split]["images"] for split in splits) == 207 and manifest.steps == 4
    assert {split: title for split, (title, _) in kinds(result).items()} == {
        "train": "5-way 1-shot", "val": "2-way 1-shot", "test": "2-way 1-shot"
    }  # fmt: skip
    assert result["over_classes"]["classes"] == 4


@pytest.mark.slow
def test_two_hundred_classes_of_two_images(tmp_path):
    result, splits, manifest = run_on(tmp_path, [2] * 200)
    counts = [splits[split]["classes"] for split in ("train", "val", "test")]
    assert sum(counts) == 200 and counts == pytest.approx([128, 32, 40], rel=0.25)
    assert kinds(result) == {"train": ("20-way 1-shot", 1)} | dict.fromkeys(("val", "test"), ("5-way 1-shot", 1))
    assert manifest.steps == 4
    assert all(one["classes_too_small"] == [] for one in result["classes"]) and result["over_classes"]
