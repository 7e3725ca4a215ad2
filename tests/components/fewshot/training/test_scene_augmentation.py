"""Boxes stay around their objects, whatever an image does."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneBatch
from components.fewshot.episodes.scenes import IGNORED, NOTHING, Scenes
from components.fewshot.training.scene_augmentation import augmented_scenes, changed, moved_by, placed, seen
from components.fewshot.training.settings import AugmentationSettings
from tests.components.fewshot.toy_scenes import task_of

HEIGHT, WIDTH, COUNT = 40, 60, 64
FREE = AugmentationSettings(flip=True, crop=0.4, translation=0.2, zoom=0.4)


def dark(top: int, left: int, bottom: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """An image [HEIGHT, WIDTH, 1] with one dark rectangle, and its box."""
    image = np.ones((HEIGHT, WIDTH, 1), np.float32)
    image[top:bottom, left:right] = 0
    return image, np.float32([top / HEIGHT, left / WIDTH, bottom / HEIGHT, right / WIDTH])


def around(image: np.ndarray) -> np.ndarray:
    """The box around what is dark."""
    ys, xs = np.nonzero(image[..., 0] < 0.5)
    return np.array([ys.min() / HEIGHT, xs.min() / WIDTH, (ys.max() + 1) / HEIGHT, (xs.max() + 1) / WIDTH])


def seed(number: int) -> tf.Tensor:
    return tf.constant([7, number], tf.int64)


@pytest.mark.parametrize(
    "settings",
    [{"flip": True}, {"crop": 0.4}, {"translation": 0.2}, {"zoom": 0.4}, FREE.model_dump()],
    ids=lambda settings: "+".join(settings),
)
def test_a_box_is_where_its_object_is(settings):
    image, box = dark(10, 12, 22, 36)
    images, boxes = tf.constant(np.stack([image] * COUNT)), tf.constant(np.stack([[box]] * COUNT))
    found, moved = changed(images, AugmentationSettings(**settings), seed(0))
    there, labels = (part.numpy() for part in placed(boxes, tf.zeros((COUNT, 1), tf.int32), moved))
    kept = np.flatnonzero(labels[:, 0] == 0)
    assert len(kept) > COUNT / 4
    for number in kept:
        np.testing.assert_allclose(there[number, 0], around(found[number].numpy()), atol=1.3 / HEIGHT)
    assert len({tuple(box) for box in np.round(there[kept, 0], 3)}) > 1, "each image moves in its own way"


def test_a_mirrored_image_by_hand():
    """Of four pixels the first place becomes the last: x = 3 - x in the middles of pixels, and 1 - x from edge to edge."""
    moved = moved_by(tf.constant([[-1.0, 0, 3, 0, 1, 0, 0, 0]]), 4, 4)
    np.testing.assert_allclose(moved.into(tf.constant([[[0.1, 0.0, 0.5, 0.25]]])), [[[0.1, 0.75, 0.5, 1.0]]], rtol=1e-6)


def test_of_an_object_that_is_half_gone_nobody_knows():
    boxes = tf.constant([[[0.0, -0.4, 1.0, 0.6], [0.0, -0.6, 1.0, 0.4], [0.0, 0.0, 0.0, 0.0]]])
    assert seen(boxes).numpy().tolist() == [[True, False, True]]
    still = moved_by(tf.constant([[1.0, 0, 0, 0, 1, 0, 0, 0]]), 4, 4)
    there, labels = placed(boxes, tf.constant([[3, 3, NOTHING]]), still)
    assert labels.numpy().tolist() == [[3, IGNORED, NOTHING]]
    np.testing.assert_allclose(there[0, 0], [0, 0, 1, 0.6], rtol=1e-6)


def test_a_marked_object_stays_in_its_image():
    image, box = dark(0, 0, 10, 14)  # in a corner, which many a crop leaves out
    images, boxes = tf.constant(np.stack([image] * COUNT)), tf.constant(np.stack([box] * COUNT))
    free = changed(images, FREE, seed(1))[1].into(boxes)
    kept = changed(images, FREE, seed(1), (boxes, tf.range(COUNT)))[1].into(boxes)
    lost = ~seen(free).numpy()
    assert 0 < lost.sum() < COUNT and seen(kept).numpy().all()
    np.testing.assert_allclose(kept[lost], boxes[lost], atol=1e-6)
    np.testing.assert_array_equal(kept[~lost], free[~lost])


def test_all_of_a_task_moves_by_its_seed():
    def seeds(start: int):
        numbers = iter(range(start, start + 9))
        return lambda: seed(next(numbers))

    task = task_of()
    one, again, other = (augmented_scenes(task, FREE, seeds(start)) for start in (0, 0, 5))
    for same, theirs, another in zip(*map(tf.nest.flatten, (one, again, other)), strict=True):
        np.testing.assert_array_equal(same, theirs)
        assert same.shape == another.shape and same.dtype == another.dtype
    assert (one.support.images.numpy() != other.support.images.numpy()).any()
    marked = tf.gather(one.around, one.support.box_images)[:, 0]  # the first object of each toy scene
    np.testing.assert_allclose(one.support.boxes, marked, atol=1e-6)


def test_colours_move_nothing():
    batch = SceneBatch(task_of().query)
    found = augmented_scenes(batch, AugmentationSettings(colour=0.5), lambda: seed(0))
    assert isinstance(found.scenes, Scenes) and (found.scenes.images.numpy() != batch.scenes.images.numpy()).any()
    np.testing.assert_allclose(found.scenes.boxes, batch.scenes.boxes, atol=1e-6)
    np.testing.assert_array_equal(found.scenes.labels, batch.scenes.labels)
