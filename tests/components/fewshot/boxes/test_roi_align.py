"""RoIAlign against a plain loop, its gradient against finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.boxes.roi_align import SAMPLES, line_weights, roi_align


def at(picture: np.ndarray, y: float, x: float) -> np.ndarray:
    """A bilinear sample of [h, w, C] at a place in cells; beyond the outermost centres it has their value."""
    height, width, _ = picture.shape
    y, x = np.clip(y - 0.5, 0, height - 1), np.clip(x - 0.5, 0, width - 1)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    y, x = y - top, x - left
    (a, b), (c, d) = picture[top : top + 2, left : left + 2]
    return (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * c + x * d)


def slowly(picture: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """[size, size, C], place by place."""
    height, width, channels = picture.shape
    (top, left), (bottom, right) = box[:2] * [height, width], box[2:] * [height, width]
    crop, steps = np.zeros((size, size, channels)), (np.arange(SAMPLES) + 0.5) / SAMPLES
    for row in range(size):
        for column in range(size):
            ys = top + (bottom - top) * (row + steps) / size
            xs = left + (right - left) * (column + steps) / size
            crop[row, column] = np.mean([at(picture, y, x) for y in ys for x in xs], axis=0)
    return crop


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    start, sides = rng.random((2, 3, 2)) * 0.6, rng.random((2, 3, 2)) * 0.5 + 0.05
    return rng.random((2, 6, 9, 4), np.float32), np.concatenate([start, start + sides], -1).astype(np.float32)


def test_by_hand():
    """The middle half of a line of four cells in two parts: the second cell, and the third."""
    weights = line_weights(np.float32([0.25]), np.float32([0.75]), 4, 2)
    # Samples lie a quarter of a cell from the centre of theirs, so its neighbour on that side gets a quarter.
    np.testing.assert_allclose(weights[0], [[1 / 8, 3 / 4, 1 / 8, 0], [0, 1 / 8, 3 / 4, 1 / 8]], atol=1e-6)


@pytest.mark.parametrize("size", [1, 7])
def test_as_the_plain_loop(size):
    maps, boxes = drawn()
    found = roi_align(maps, boxes, size)
    wanted = [[slowly(picture, box, size) for box in own] for picture, own in zip(maps, boxes, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_gradient_by_finite_differences():
    maps, boxes = drawn(1)
    weights = np.random.default_rng(2).random((2, 3, 3, 3, 4), np.float32)
    variable = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = tf.reduce_sum(roi_align(variable, boxes, 3) * weights)
    gradient = tape.gradient(value, variable).numpy()
    for place in [(0, 0, 0, 0), (0, 3, 4, 1), (1, 5, 8, 3), (1, 2, 2, 2)]:
        more = maps.copy()
        more[place] += 1.0  # it is linear in the maps
        moved = np.sum(roi_align(more, boxes, 3).numpy().astype(np.float64) * weights)
        assert gradient[place] == pytest.approx(moved - float(value), abs=1e-3)


def test_the_same_in_a_graph_of_open_shapes():
    maps, boxes = drawn(3)
    specs = [tf.TensorSpec([None, 6, 9, 4]), tf.TensorSpec([None, None, 4])]
    compiled = tf.function(lambda maps, boxes: roi_align(maps, boxes, 5), autograph=False, input_signature=specs)
    np.testing.assert_allclose(compiled(maps, boxes), roi_align(maps, boxes, 5), rtol=1e-5)
