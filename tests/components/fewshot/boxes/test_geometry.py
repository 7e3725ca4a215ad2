"""Overlap and displacements: by hand first, then for any boxes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.fewshot.boxes.geometry import areas, clip, decode, encode, intersections, overlaps

SHARES = st.floats(0, 1, width=32, allow_subnormal=False)  # TensorFlow flushes those to 0


def boxes(count: int = 4):
    """Any boxes inside of the image, of at least a fiftieth of its sides."""

    def as_boxes(drawn: np.ndarray) -> np.ndarray:
        size = 0.02 + drawn[:, 2:] * 0.98
        start = drawn[:, :2] * (1 - size)
        return np.concatenate([start, start + size], axis=1).astype(np.float32)

    return arrays(np.float32, (count, 4), elements=SHARES).map(as_boxes)


def test_by_hand():
    a = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 1]], np.float32)
    b = np.array([[0.25, 0.25, 0.75, 0.75], [0.5, 0.5, 1, 1], [0.3, 0.3, 0.3, 0.9]], np.float32)
    np.testing.assert_allclose(areas(b), [0.25, 0.25, 0], atol=1e-7)
    np.testing.assert_allclose(intersections(a, b), [[1 / 16, 0, 0], [0.25, 0.25, 0]], atol=1e-7)
    np.testing.assert_allclose(overlaps(a, b), [[1 / 7, 0, 0], [0.25, 0.25, 0]], atol=1e-6)


def test_two_empty_boxes_do_not_overlap():
    nothing = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(overlaps(nothing, nothing), 0)


def test_a_box_that_is_inside_out_is_empty():
    np.testing.assert_array_equal(areas(np.array([[0.5, 0.5, 0.2, 0.9]], np.float32)), 0)


def test_displacements_by_hand():
    anchor = np.array([[0.2, 0.2, 0.4, 0.6]], np.float32)
    moved = np.array([[0.3, 0.2, 0.5, 0.6]], np.float32)  # half its height down: 0.5 / 0.1
    wider = np.array(
        [[0.2, 0.2, 0.4, 1.0]], np.float32
    )  # twice as wide, and its middle half the old width to the right
    np.testing.assert_allclose(encode(moved, anchor), [[5, 0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(encode(wider, anchor), [[0, 5, 0, np.log(2) / 0.2]], atol=1e-5)


def test_a_box_grows_at_most_so_far():
    anchor = np.array([[0.4, 0.4, 0.5, 0.5]], np.float32)
    grown = np.array(decode(np.array([[0, 0, 1e9, 1e9]], np.float32), anchor))[0]
    np.testing.assert_allclose(grown[2:] - grown[:2], 6.25, rtol=1e-5)


@settings(deadline=None)  # the first call of an operation takes long
@given(boxes(), boxes())
def test_what_is_encoded_decodes(ours, anchors):
    np.testing.assert_allclose(decode(encode(ours, anchors), anchors), ours, atol=1e-5)


@settings(deadline=None)  # the first call of an operation takes long
@given(boxes(3), boxes(5))
def test_overlap_is_symmetric_and_a_share(a, b):
    found = np.array(overlaps(a, b))
    np.testing.assert_allclose(found, np.array(overlaps(b, a)).T, rtol=1e-6)
    assert (found >= 0).all() and (found <= 1 + 1e-6).all()
    np.testing.assert_allclose(np.diag(overlaps(a, a)), 1, rtol=1e-3)


@settings(deadline=None)  # the first call of an operation takes long
@given(boxes())
def test_clipping_leaves_what_is_inside(ours):
    np.testing.assert_array_equal(clip(ours), ours)
    assert np.max(clip(ours + 0.7)) <= 1 and np.min(clip(ours - 0.7)) >= 0
