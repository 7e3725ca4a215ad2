"""A store of images with boxes, and what is drawn from it, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER
from components.fewshot.images.parts import Shown, by_part, write_index, write_part, write_scenes, write_shard
from components.fewshot.images.scene_feed import scene_batch, scene_task, scene_task_signature
from components.fewshot.images.store import ImageStore

LEFT, RIGHT, NONE = (0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)
SCENES = [  # image 1 holds an oak and an elm, 2 two oaks, 3 a stranger and a crowd, 4 nothing
    ([Shown("oak", "t", "1#0", LEFT), Shown("elm", "t", "1#1", RIGHT)], 1),
    ([Shown("oak", "t", "2#0", LEFT), Shown("oak", "t", "2#1", RIGHT)], 2),
    ([Shown("", "", "3#0", LEFT, STRANGER), Shown("", "", "3#1", RIGHT, IGNORED)], 3),
    ([Shown("", "", "4#0", NONE, NOTHING)], 4),
]


def stored(directory, scenes=SCENES, shards=1, number=1):
    dealt = {}
    for shard in range(shards):
        images = [(rows, bytes([value] * 4)) for rows, value in scenes[shard::shards]]
        for part, entries in by_part(write_scenes(str(directory), shard, images), number):
            dealt.setdefault(part, []).extend(entries)
    written = [write_part(str(directory), part, entries) for part, entries in dealt.items()]
    write_index(str(directory), written, number, (2, 2, 1))
    return ImageStore.open(str(directory))


@pytest.mark.parametrize(("shards", "number"), [(1, 1), (2, 1), (4, 3)])
def test_rows_are_objects_by_class_and_then_those_of_none(tmp_path, shards, number):
    store = stored(tmp_path, shards=shards, number=number)
    assert store.index.names == ("elm", "oak") and store.index.counts.tolist() == [1, 3]
    assert store.index.images.tolist() == [1, 2], "two of the oaks are in one image"
    assert list(store.source_ids) == ["1#1", "1#0", "2#0", "2#1", "3#0", "3#1", "4#0"]
    assert store.images == 4
    assert [store.read(row)[0] for row in range(7)] == [1, 1, 2, 2, 3, 3, 4]
    objects = store.objects
    assert objects.labels.tolist() == [0, 1, 1, 1, STRANGER, IGNORED, NOTHING]
    assert objects.boxes.tolist() == [list(box) for box in (RIGHT, LEFT, LEFT, RIGHT, LEFT, RIGHT, NONE)]
    assert [objects.beside(row).tolist() for row in (0, 2, 5, 6)] == [[0, 1], [2, 3], [4, 5], [6]]
    assert objects.shows(0, np.array([1])) and not objects.shows(2, np.array([0]))


def test_the_fingerprint_is_of_the_boxes_too(tmp_path):
    moved = [([rows[0]._replace(box=NONE), *rows[1:]], value) for rows, value in SCENES]
    one, again, other = (
        stored(tmp_path / name, scenes, shards)
        for name, scenes, shards in (("a", SCENES, 1), ("b", SCENES, 4), ("c", moved, 1))
    )
    assert one.fingerprint == again.fingerprint != other.fingerprint


def test_whole_images_have_no_objects(tmp_path):
    entries = write_shard(str(tmp_path), 0, [("oak", "t", "1", bytes(4))])
    write_index(str(tmp_path), [write_part(str(tmp_path), 0, entries)], 1, (2, 2, 1))
    store = ImageStore.open(str(tmp_path))
    assert store.objects is None and store.images == 1
    with pytest.raises(ValueError, match="expected a store of images with boxes"):
        scene_batch(store, np.array([0]))


def draw(rows, labels):
    return Draw(np.array(rows), np.zeros(len(rows), np.int32), np.array(labels, np.int32))


def test_a_task_worked_out_by_hand(tmp_path):
    """Class 0 of the episode is class 1 of the split; two of its objects are in the same image, which is given once."""
    store = stored(tmp_path)
    episode = Episode(0, np.array([1, 0], np.int32), draw([2, 0, 3], [0, 1, 0]), draw([1, 4, 6], [0, -1, -1]))
    task = scene_task(store, episode)
    assert task.support.images[:, 0, 0, 0].tolist() == [1, 2] and task.support.box_images.tolist() == [1, 0, 1]
    assert task.support.boxes.tolist() == [list(LEFT), list(RIGHT), list(RIGHT)]
    assert task.support_labels.tolist() == [0, 1, 0]
    assert task.around_labels.tolist() == [[0, 1], [1, 1]] and task.around[0].tolist() == [list(RIGHT), list(LEFT)]
    assert task.query.images[:, 0, 0, 0].tolist() == [1, 3, 4]
    assert task.query.labels.tolist() == [[0, 1], [STRANGER, IGNORED], [NOTHING, NOTHING]]
    assert task.query.boxes[0].tolist() == [list(RIGHT), list(LEFT)]
    for one, spec in zip(tf.nest.flatten(task), tf.nest.flatten(scene_task_signature(store)), strict=True):
        assert spec.is_compatible_with(tf.convert_to_tensor(one))


def test_all_images_of_a_task_are_scenes(tmp_path):
    store = stored(tmp_path)
    episode = Episode(0, np.array([1], np.int32), draw([2], [0]), draw([0], [0]))
    scenes = scene_task(store, episode).scenes
    assert scenes.images[:, 0, 0, 0].numpy().tolist() == [2, 1], "those of the support set first"
    assert scenes.labels.numpy().tolist() == [[1, 1], [0, 1]]
    assert scenes.boxes[0].numpy().tolist() == [list(LEFT), list(RIGHT)]


def test_a_class_outside_the_episode_is_a_stranger(tmp_path):
    episode = Episode(0, np.array([0], np.int32), draw([0], [0]), draw([1, 2], [0, -1]))
    task = scene_task(stored(tmp_path), episode)
    assert task.query.labels.tolist() == [[0, 1], [1, 1]], "each still has its class"
    assert task.in_episode(task.query.labels).numpy().tolist() == [[0, STRANGER], [STRANGER, STRANGER]]


def test_a_batch_has_the_classes_of_the_split(tmp_path):
    batch = scene_batch(stored(tmp_path), np.array([0, 5, 2]))
    assert batch.scenes.labels.tolist() == [[0, 1], [STRANGER, IGNORED], [1, 1]]
    assert batch.scenes.images.shape == (3, 2, 2, 1)
