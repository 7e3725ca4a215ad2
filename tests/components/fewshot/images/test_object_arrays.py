"""A store of objects in arrays is what one on disk is."""

import numpy as np
import pytest

from components.fewshot.episodes.episode import Draw
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER
from components.fewshot.images.feeds import feed_of
from components.fewshot.images.object_arrays import ObjectArrays
from components.fewshot.images.object_rows import Object

LEFT, RIGHT, NONE = (0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)
OBJECTS = [  # image 0 holds an oak and an elm, 1 two oaks, 2 a stranger and a crowd, 3 nothing
    [Object("oak", "", LEFT, False, False), Object("elm", "", RIGHT, False, False)],
    [Object("oak", "", LEFT, False, False), Object("oak", "", RIGHT, False, False)],
    [Object("ash", "", LEFT, False, True), Object("", "", RIGHT, True, False)],
    [],
]


def store() -> ObjectArrays:
    return ObjectArrays(np.arange(4, dtype=np.uint8).repeat(4).reshape(4, 2, 2, 1), OBJECTS)


def test_rows_are_objects_by_class_and_then_those_of_none():
    made = store()
    assert made.index.names == ("elm", "oak") and made.index.counts.tolist() == [1, 3]
    assert made.index.images.tolist() == [1, 2], "two of the oaks are in one image"
    assert made.objects.labels.tolist() == [0, 1, 1, 1, STRANGER, IGNORED, NOTHING]
    assert made.objects.images.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert made.objects.boxes.tolist() == [list(box) for box in (RIGHT, LEFT, LEFT, RIGHT, LEFT, RIGHT, NONE)]
    still = np.zeros(3, np.int32)
    draw = Draw(np.array([6, 0, 3]), still, still)
    assert made.pixels(draw)[:, 0, 0, 0].tolist() == [3, 0, 1]
    assert made.mapped(lambda images: images + 10).pixels(draw)[:, 0, 0, 0].tolist() == [13, 10, 11]


def test_it_feeds_what_scenes_feed():
    still = np.zeros(2, np.int32)
    batch = feed_of(store()).batch(Draw(np.array([1, 4]), still, still))
    assert batch.scenes.labels.tolist() == [[0, 1], [STRANGER, IGNORED]]
    assert batch.scenes.boxes[0].tolist() == [list(RIGHT), list(LEFT)]


def test_images_and_objects_differ():
    with pytest.raises(ValueError, match="expected the objects of each image, got 2 images and those of 4"):
        ObjectArrays(np.zeros((2, 2, 2, 1)), OBJECTS)
