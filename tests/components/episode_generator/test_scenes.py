"""From images with boxes on disk to stores and frozen episodes of scenes, by the executors as they are."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils

from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.episodes.scene_draw import queries
from components.fewshot.images.scene_feed import scene_task
from components.fewshot.images.store import ImageStore
from tests.components import artifacts
from tests.components.scene_artifacts import generate, ingest
from tests.components.scenes import HEIGHT, SHADES, SIDES, WIDTH, write_scenes


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    return ingest(root, **write_scenes(root / "pictures"))


@pytest.fixture(scope="module")
def episodes(examples, tmp_path_factory):
    return generate(tmp_path_factory.mktemp("episodes"), examples)


def store_of(episodes, split):
    return ImageStore.open(os.path.join(artifact_utils.get_split_uri([episodes], split), "store"))


def test_the_summary_counts_images_and_classes(examples):
    with open(os.path.join(examples.uri, "summary.json")) as file:
        summary = json.load(file)
    for side, classes in SIDES.items():
        assert summary["splits"][side]["images"] == 12 and summary["splits"][side]["classes"] == len(classes)
    assert summary["rejected"] == summary["objects_rejected"] == 0


@pytest.mark.parametrize("split", SIDES)
def test_rows_are_objects(episodes, split):
    store = store_of(episodes, split)
    assert store.index.names == tuple(sorted(SIDES[split])) and store.images == 12
    objects = store.objects
    assert (objects.labels >= 0).sum() == 21 and len(objects) == 22, (
        "eleven images with one to three squares, and an empty one"
    )


def test_boxes_of_pixels_lie_where_the_squares_are(episodes):
    """The images are 48 x 64, and get white bars of 8 pixels above and below."""
    store = store_of(episodes, "train")
    for row in range(len(store.objects) - 1):
        pixels = np.frombuffer(store.read(row), np.uint8).reshape(64, 64, 3)
        ymin, xmin, ymax, xmax = np.round(store.objects.boxes[row] * 64).astype(int)
        inside = pixels[ymin:ymax, xmin:xmax]
        colour = SHADES[store.index.names[store.objects.labels[row]]]
        assert (inside == np.array(colour, np.uint8)).all() and inside.size
        assert (pixels == np.array(colour, np.uint8)).all(-1).sum() >= inside.shape[0] * inside.shape[1]


def test_boxes_of_files_are_of_the_picture(episodes):
    store = store_of(episodes, "test")
    for row in range(len(store.objects) - 1):
        pixels = tf.io.decode_png(store.read(row)).numpy()
        box = store.objects.boxes[row] * [HEIGHT, WIDTH, HEIGHT, WIDTH]
        ymin, xmin, ymax, xmax = np.round(box).astype(int)
        assert (pixels[ymin:ymax, xmin:xmax] == SHADES[store.index.names[store.objects.labels[row]]]).all()


def test_frozen_episodes_are_drawn_by_object(episodes):
    store = store_of(episodes, "test")
    for episode in read_frozen(artifact_utils.get_split_uri([episodes], "test"), count=6):
        assert len(episode.support.rows) == 2
        drawn = queries(store.objects, episode)
        assert set(np.unique(drawn.labels)) <= {-3, -1, 0, 1}
    task = scene_task(store_of(episodes, "val"), read_frozen(artifact_utils.get_split_uri([episodes], "val"))[0])
    assert task.query.images.shape[1:] == (64, 64, 3)


def test_workers_do_not_matter(examples, episodes, tmp_path):
    again = generate(tmp_path, examples, artifacts.TWO_PROCESSES)
    for split in SIDES:
        assert store_of(again, split).fingerprint == store_of(episodes, split).fingerprint
    assert again.get_string_custom_property("hash_test") == episodes.get_string_custom_property("hash_test")


def test_records_with_boxes(examples, episodes, tmp_path):
    """What was ingested from folders is ingested again from its own examples, and becomes the same stores."""
    named = {f"{split}_tfrecord": os.path.join(examples.uri, f"Split-{split}", "*.gz") for split in SIDES}
    again = generate(tmp_path, ingest(tmp_path, **named))
    for split in SIDES:
        assert store_of(again, split).fingerprint == store_of(episodes, split).fingerprint
