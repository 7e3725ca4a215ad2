"""Boxes of pictures, in what the network sees of them, and back."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.images.decode import decode
from components.fewshot.images.frames import Frames, frames
from components.fewshot.settings.image import ImageSpec
from tests.components.fewshot.small_detectors import picture
from tests.encoded import gif

PAD, STRETCH = (ImageSpec(height=64, width=64, channels=3, fit=fit) for fit in ("pad", "stretch"))
RED = (255, 0, 0)


@functools.cache
def compiled(spec: ImageSpec, function):
    signature = [tf.TensorSpec([None], tf.string)]
    return tf.function(lambda encoded: function(encoded, spec), autograph=False, input_signature=signature)


def of(*encoded: bytes, spec: ImageSpec = PAD) -> Frames:
    return compiled(spec, frames)(tf.constant(encoded, tf.string))


def test_by_hand():
    """A picture of 20 x 40 is 32 x 64 in 64 x 64, between bars of 16; in one that EXIF turns so, the same."""
    for encoded in (picture(20, 40, []), picture(20, 40, [], turned=6)):
        frame = of(encoded)
        np.testing.assert_array_equal(frame.scale, [[0.5, 1, 0.5, 1]])
        np.testing.assert_array_equal(frame.offset, [[0.25, 0, 0.25, 0]])
        np.testing.assert_array_equal(frame.into(tf.constant([[0.5, 0.25, 1, 0.5]])), [[0.5, 0.25, 0.75, 0.5]])
        out = frame.out_of(tf.constant([[[0.5, 0.25, 0.75, 0.5], [0.1, 0.5, 0.5, 1], [0.8, 0, 1, 1]]]))
        np.testing.assert_array_equal(out, [[[0.5, 0.25, 1, 0.5], [0, 0.5, 0.5, 1], [1, 0, 1, 1]]])
    np.testing.assert_array_equal(of(picture(20, 40, []), spec=STRETCH).scale, [[1, 1, 1, 1]])


def test_rows():
    frame = of(picture(20, 40, []), picture(40, 20, [])).at(tf.constant([1, 0, 1]))
    np.testing.assert_array_equal(frame.offset[:, 0], [0, 0.25, 0])


@pytest.mark.parametrize("spec", [PAD, STRETCH], ids=lambda spec: spec.fit)
@pytest.mark.parametrize(
    ("kind", "turned"), [("PNG", 1), ("BMP", 1), ("GIF", 1), ("WEBP", 1), *(("JPEG", n) for n in range(1, 9))]
)
def test_a_box_is_around_its_object(spec, kind, turned):
    height, width, edges = 48, 96, (12, 24, 36, 48)
    encoded = picture(height, width, [(edges, RED)], kind, turned)
    box = np.array([edges], np.float32) / np.array([height, width, height, width], np.float32)
    ymin, xmin, ymax, xmax = np.round(np.asarray(of(encoded, spec=spec).into(tf.constant(box)))[0] * 64).astype(int)
    pixels = compiled(spec, decode)(tf.constant([encoded])).numpy()[0].astype(int)
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 60)
    ys, xs = np.nonzero(red)
    assert (ys.min(), xs.min(), ys.max() + 1, xs.max() + 1) == pytest.approx((ymin, xmin, ymax, xmax), abs=1)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 3000), st.integers(2, 3000), st.sampled_from([PAD, STRETCH]), st.data())
def test_there_and_back(height, width, spec, data):
    edge = st.floats(0, 1, width=32)
    box = np.array([[data.draw(edge) for _ in range(4)]], np.float32)
    frame = of(gif(np.zeros((2, 2)), np.zeros((2, 3)), canvas=(height, width)), spec=spec)
    there = frame.into(tf.constant(box))
    assert (there.numpy() >= 0).all() and (there.numpy() <= 1).all()
    np.testing.assert_allclose(frame.out_of(there), box, atol=64 * 1e-6)


def test_what_is_no_picture_has_some_frame():
    """The gate refuses it; a division by zero would say so in other words."""
    assert np.isfinite(of(b"", b"no picture").scale).all()
