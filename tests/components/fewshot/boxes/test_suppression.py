"""Non-maximum suppression against a plain loop."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.boxes.geometry import overlaps
from components.fewshot.boxes.suppression import kept, surest


def slowly(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """bool [R] for boxes [R, 4] and scores [R]: the greedy algorithm."""
    alike, chosen = np.array(overlaps(boxes, boxes)) >= threshold, []
    for place in np.argsort(-scores, kind="stable"):
        if not alike[place, chosen].any():
            chosen.append(place)
    return np.isin(np.arange(len(boxes)), chosen)


def drawn(seed: int, images: int = 3, count: int = 40, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    start, sides = rng.random((images, count, 2)) * 0.5, rng.random((images, count, 2)) * 0.4 + 0.1
    scores = rng.integers(1, 12, (images, count, classes)) / 12  # some are equal
    return np.concatenate([start, start + sides], -1).astype(np.float32), scores.astype(np.float32)


def test_by_hand():
    """The second is dropped for the first; the third, which only the second would drop, is kept."""
    boxes = np.float32([[[0, 0, 1, 0.5], [0, 0.2, 1, 0.7], [0, 0.4, 1, 0.9]]])  # neighbours share 3/7, the outer 1/9
    scores = np.float32([[[0.9, 0.1], [0.8, 0.7], [0.7, 0.1]]])
    np.testing.assert_array_equal(kept(boxes, scores, 0.4)[0], [[True, False], [False, True], [True, False]])
    found, best, classes = surest(boxes, scores, 0.4, 4)
    np.testing.assert_allclose(best, [[0.9, 0.7, 0.7, 0]])
    np.testing.assert_array_equal(classes, [[0, 1, 0, -1]])
    np.testing.assert_array_equal(found[0], [*boxes[0, [0, 1, 2]], [0, 0, 0, 0]])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_as_the_greedy_algorithm(seed, threshold):
    boxes, scores = drawn(seed)
    found = np.array(kept(boxes, scores, threshold))
    for image in range(3):
        for number in range(3):
            wanted = slowly(boxes[image], scores[image, :, number], threshold)
            np.testing.assert_array_equal(found[image, :, number], wanted)


def test_a_long_chain():
    """Each box would drop the next: every second is kept."""
    start = np.arange(30, dtype=np.float32) / 60
    boxes = np.stack([start, 0 * start, start + 0.04, 0 * start + 1], axis=1)[None]
    scores = np.linspace(1, 0.1, 30, dtype=np.float32)[None, :, None]
    np.testing.assert_array_equal(kept(boxes, scores, 0.3)[0, :, 0], np.arange(30) % 2 == 0)


def test_an_image_alone_and_in_a_graph():
    boxes, scores = drawn(7)
    specs = [tf.TensorSpec([None, 40, 4]), tf.TensorSpec([None, 40, None])]
    compiled = tf.function(lambda *given: surest(*given, 0.5, 20), autograph=False, input_signature=specs)
    together = compiled(boxes, scores)
    for image in range(3):
        alone = surest(boxes[image : image + 1], scores[image : image + 1], 0.5, 20)
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[image])


def test_fewer_than_asked_for():
    boxes, scores = drawn(1, count=2, classes=1)
    found, best, classes = surest(boxes, scores * 0, 0.5, 50)
    assert found.shape == (3, 50, 4) and not np.any(best) and np.all(np.array(classes) == -1)
