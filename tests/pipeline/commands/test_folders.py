"""A folder of pictures with boxes is to `fewshot evaluate` what it is to a run: the same rows, and so the same episodes."""

import os
import shutil

import numpy as np
import pytest
from tfx.types import artifact_utils

from components.fewshot.episodes.frozen import episodes_hash, read_frozen
from components.fewshot.images.store import ImageStore
from components.fewshot.settings.metrics import METRICS
from components.image_example_gen.ingest import facts_of
from pipeline.commands.evaluate import evaluate_folder, keys_of, spec_of
from pipeline.commands.folders import FOLDERS
from tests.components.fewshot.small_detectors import detector, exported
from tests.components.scene_artifacts import SETTINGS, generate, ingest
from tests.components.scenes import write_scenes

SPEC = spec_of("2", "1", 2, negatives=2)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("pictures"))


def test_every_kind_has_folders():
    assert FOLDERS.keys() == METRICS.keys()


def test_the_same_rows_and_episodes_as_a_run(named, tmp_path):
    episodes = generate(tmp_path, ingest(tmp_path, **named))
    split = artifact_utils.get_split_uri([episodes], "test")
    ours, reads = ImageStore.open(os.path.join(split, "store")), FOLDERS["detection"]
    listing = reads.listed([named["test_dir"]], None)
    store = reads.store(list(zip(listing.files, facts_of(listing.files, 10**6), strict=True)))
    assert list(store.source_ids) == [ours.source_ids[row] for row in range(len(ours.source_ids))]
    assert store.index.names == ours.index.names and store.index.images.tolist() == ours.index.images.tolist()
    assert store.objects.labels.tolist() == ours.objects.labels.tolist()
    assert np.array_equal(store.objects.boxes, ours.objects.boxes)
    assert [store.read(row) for row in range(len(store.objects))] == [
        ours.read(row) for row in range(len(ours.objects))
    ]
    sampler = reads.sampler(store, SPEC, 0)
    drawn = [sampler(number) for number in range(SETTINGS["test_episodes"])]
    assert episodes_hash(drawn, store.index, store.source_ids) == episodes.get_string_custom_property("hash_test")
    assert len(read_frozen(split)) == len(drawn)


def test_a_detector_on_a_folder(named, tmp_path):
    model = exported(str(tmp_path / "model"), detector(), score_threshold={"threshold": 0.3})
    found = evaluate_folder(model, None, [named["test_dir"]], "test", SPEC, 3, 0)
    assert keys_of(found)[:3] == ("ap50", "ci95", "over_classes") and set(keys_of(found)) <= found.keys()
    assert 0 <= found["ap50"] <= 1 and found["inductive"] and found["classes"] == 3 and found["set_aside"] == []
    elsewhere = tmp_path / "boxes.json"
    shutil.copy(os.path.join(named["test_dir"], "annotations.json"), elsewhere)
    again = evaluate_folder(model, None, [named["test_dir"]], "test", SPEC, 3, 0, annotations=str(elsewhere))
    assert again["ap50"] == found["ap50"]
    with pytest.raises(ValueError, match="^--annotations goes with one folder in --images, got 2$"):
        evaluate_folder(model, None, [named["test_dir"], "b"], "test", SPEC, 3, 0, annotations=str(elsewhere))
