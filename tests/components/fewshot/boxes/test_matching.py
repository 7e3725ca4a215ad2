"""Which object a box stands for."""

import numpy as np

from components.fewshot.boxes.matching import boxes_at, displaced, hardest, labels_at, match

OBJECTS = np.float32([[[0, 0, 0.4, 0.4], [0.5, 0.5, 1, 1], [0, 0.5, 0.4, 1]]])
LABELS = np.int32([[7, 8, 9]])
ALL, NONE = np.ones((1, 3), bool), np.zeros((1, 3), bool)


def test_by_hand():
    boxes = np.float32([[[0, 0, 0.4, 0.2], [0.5, 0.5, 1, 0.9], [0.5, 0.5, 1, 1], [0, 0.45, 0.1, 0.48]]])
    found = match(boxes, OBJECTS, ALL, NONE)
    np.testing.assert_allclose(found.overlap, [[0.5, 0.8, 1, 0]], atol=1e-6)
    np.testing.assert_array_equal(labels_at(LABELS, found)[0, :3], [7, 8, 8])
    np.testing.assert_array_equal(boxes_at(OBJECTS, found)[0, :3], OBJECTS[0, [0, 1, 1]])
    np.testing.assert_array_equal(found.best, [[True, False, True, False]])  # of the third object there is none
    assert not np.any(found.excused)


def test_an_object_that_does_not_count_excuses_what_lies_in_it():
    boxes = np.float32([[[0.6, 0.6, 0.7, 0.7], [0.4, 0.4, 0.6, 0.6]]])  # within it, and a quarter of the box
    counts = np.array([[True, False, True]])
    found = match(boxes, OBJECTS, counts, ~counts)
    np.testing.assert_array_equal(found.excused, [[True, False]])
    np.testing.assert_array_equal(found.overlap, 0)


def test_no_object_at_all():
    found = match(np.float32([[[0, 0, 1, 1]]]), OBJECTS, NONE, NONE)
    assert not np.any(found.best) and not np.any(found.excused)
    np.testing.assert_array_equal(found.overlap, 0)


def test_hardest():
    losses = np.float32([[0.1, 0.9, 0.5, 0.7], [0.2, 0.2, 0.1, 0.3]])
    among = np.array([[True, False, True, True], [True, True, True, False]])
    np.testing.assert_array_equal(
        hardest(losses, among, 1), [[False, False, False, True], [True, True, False, False]]
    )  # equal ones go together
    np.testing.assert_array_equal(hardest(losses, among, 9), among)  # there are fewer


def test_displaced():
    boxes = np.float32([[[0.2, 0.2, 0.4, 0.6]]])
    found = displaced(boxes, np.float32([[0, 0, 0, 0], [0.5, 0, 0.5, 0], [0, 2, 0, 2]]))
    np.testing.assert_allclose(found[0], [[0.2, 0.2, 0.4, 0.6], [0.3, 0.2, 0.5, 0.6], [0.2, 1, 0.4, 1]], atol=1e-6)
