"""Boxes of a picture as a person sees it."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.images.decode import oriented
from data.annotations.objects import Box, Told, Written
from data.annotations.placing import placed, turned

ORIENTATIONS = range(1, 9)


def told(*edges, size=(0, 0), **more):
    objects = tuple(Written("cat", *map(float, one), False, f"object {i}") for i, one in enumerate(edges, 1))
    return Told("a.xml", (), objects, (), *size, **more)


def test_pixels_worked_out_by_hand():
    found = placed(told((5, 10, 15, 30)), 20, 40)
    assert found == ([Box("cat", 0.25, 0.25, 0.75, 0.75)], [], 0, "")


# Stored with 20 rows of 40 pixels; the box is in the top left corner, 5 high and 10 wide.
@pytest.mark.parametrize(
    ("orientation", "edges"),
    [
        (1, (0, 0, 0.25, 0.25)),
        (2, (0, 0.75, 0.25, 1)),
        (3, (0.75, 0.75, 1, 1)),
        (4, (0.75, 0, 1, 0.25)),
        (5, (0, 0, 0.25, 0.25)),
        (6, (0, 0.75, 0.25, 1)),
        (7, (0.75, 0.75, 1, 1)),
        (8, (0.75, 0, 1, 0.25)),
    ],
)
def test_a_corner_by_each_orientation(orientation, edges):
    assert placed(told((0, 0, 5, 10)), 20, 40, orientation).boxes == [Box("cat", *edges)]
    assert placed(told((0, 0, 0.25, 0.25), shares=True), 20, 40, orientation).boxes == [Box("cat", *edges)]
    seen = placed(told((0, 0, 0.25, 0.25), shares=True, seen=True), 20, 40, orientation)
    assert seen.boxes == [Box("cat", 0, 0, 0.25, 0.25)]


@given(
    st.sampled_from(ORIENTATIONS),
    st.integers(2, 9),
    st.integers(2, 9),
    st.data(),
)
def test_a_box_turns_as_the_pixels_below_it(orientation, height, width, data):
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    image = np.zeros((height, width, 1), np.uint8)
    image[top:bottom, left:right] = 1
    seen = oriented(tf.constant(image), tf.constant(orientation, tf.int64)).numpy()[..., 0]
    rows, columns = np.nonzero(seen)
    (box,) = placed(told((top, left, bottom, right)), height, width, orientation).boxes
    high, wide = seen.shape
    found = np.array([box.ymin * high, box.xmin * wide, box.ymax * high, box.xmax * wide])
    np.testing.assert_allclose(found, [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], atol=1e-9)


@given(st.sampled_from(ORIENTATIONS), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_box_that_is_turned_stays_one(orientation, numbers):
    ymin, ymax = sorted(numbers[:2])
    xmin, xmax = sorted(numbers[2:])
    top, left, bottom, right = turned((ymin, xmin, ymax, xmax), orientation)
    assert 0 <= top <= bottom <= 1 and 0 <= left <= right <= 1
    assert (bottom - top) * (right - left) == pytest.approx((ymax - ymin) * (xmax - xmin))


@given(st.sampled_from(ORIENTATIONS), st.floats(0.2, 7), st.integers(8, 50), st.integers(8, 50), st.booleans())
def test_a_scaled_copy_has_the_same_boxes(orientation, scale, height, width, as_seen):
    high, wide = (width, height) if as_seen and orientation >= 5 else (height, width)
    edges = [high / 8, wide / 4, high / 2, wide / 2]
    original = placed(told(edges, size=(high, wide)), height, width, orientation)
    copy = told([scale * edge for edge in edges], size=(scale * high, scale * wide))
    np.testing.assert_allclose(
        placed(copy, height, width, orientation).boxes[0][1:5], original.boxes[0][1:5], atol=1e-9
    )


@given(
    st.lists(st.tuples(*[st.floats(-100, 100)] * 4).filter(lambda e: e[0] < e[2] and e[1] < e[3]), max_size=5),
    st.integers(2, 60),
    st.integers(2, 60),
    st.sampled_from(ORIENTATIONS),
)
def test_no_object_vanishes_and_boxes_lie_in_the_picture(edges, height, width, orientation):
    found = placed(told(*edges), height, width, orientation)
    assert len(found.boxes) + len(found.unfit) == len(edges) or (found.reason and not found.boxes)
    for box in found.boxes:
        assert 0 <= box.ymin < box.ymax <= 1 and 0 <= box.xmin < box.xmax <= 1


def test_what_was_cut_is_counted_unless_it_was_rounded():
    assert placed(told((-0.001, -0.001, 1.001, 0.5), shares=True), 20, 40).cut == 0
    assert placed(told((-0.1, 0, 1, 0.5), shares=True), 20, 40).cut == 1


@pytest.mark.parametrize("size", [(5e-324, 1.9), (1e308, 1e308), (1e-9, 1e9), (-3, 7)])
def test_sizes_that_no_picture_has(size):
    found = placed(told((0, 0, 5, 10), size=size), 20, 40, 6)
    assert found.reason or found.boxes == [Box("cat", 0, 0.75, 0.25, 1)]


def test_a_square_that_is_turned_is_annotated_as_stored():
    assert placed(told((0, 0, 5, 10), size=(20, 20)), 20, 20, 6).boxes == [Box("cat", 0, 0.75, 0.5, 1)]
