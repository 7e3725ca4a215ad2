"""Anchors by hand."""

import numpy as np

from components.fewshot.boxes.anchors import anchors_of


def test_around_each_place():
    found = anchors_of(2, 2, [0.5], [1.0])
    np.testing.assert_allclose(found[0], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(found, [[y, x, y + 0.5, x + 0.5] for y in (0, 0.5) for x in (0, 0.5)])


def test_sizes_and_forms():
    found = anchors_of(1, 1, [0.2, 0.4], [0.25, 1.0])
    sides = found[:, 2:] - found[:, :2]
    np.testing.assert_allclose(sides, [[0.1, 0.4], [0.2, 0.2], [0.2, 0.8], [0.4, 0.4]], rtol=1e-6)
    np.testing.assert_allclose((found[:, :2] + found[:, 2:]) / 2, 0.5, rtol=1e-6)


def test_a_square_is_square_in_pixels():
    sides = np.diff(anchors_of(2, 8, [0.25], [1.0])[0].reshape(2, 2), axis=0)[0] * [2, 8]  # in places of the map
    np.testing.assert_allclose(sides, [1, 1], rtol=1e-6)  # a quarter of the root of 16
