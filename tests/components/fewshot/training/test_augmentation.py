"""Augmentation: worked out by hand on small images, then what holds for every draw."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.training.augmentation import DRAWS, augmented, changed
from components.fewshot.training.settings import AugmentationSettings

MIDDLE = 0.5  # a draw that changes nothing, where a change has a middle
AREA, RATIO, CROP_X, CROP_Y, FLIP, ANGLE, SHIFT_X, SHIFT_Y, ZOOM, BRIGHT, CONTRAST, SATURATION, HOLE_X, HOLE_Y = range(
    14
)


def change(image, draws: dict[int, float], **chosen) -> np.ndarray:
    """One image [H, W] or [H, W, C], changed by just these draws."""
    image = np.asarray(image, np.float32)
    images = image.reshape(1, *image.shape[:2], -1)
    given_draws = np.full((DRAWS, 1), MIDDLE, np.float32)
    for row, value in draws.items():
        given_draws[row] = value
    result = changed(tf.constant(images), AugmentationSettings(**chosen), tf.constant(given_draws))
    return result.numpy().reshape(image.shape)


RISING = np.arange(16).reshape(4, 4) / 16
COLOURS = np.array([[[0.2, 0.4, 0.6], [0.1, 0.1, 0.1]]])


def test_flip():
    np.testing.assert_array_equal(change(RISING, {FLIP: 0.49}, flip=True), RISING[:, ::-1])
    np.testing.assert_array_equal(change(RISING, {FLIP: 0.51}, flip=True), RISING)


def test_a_crop_of_a_quarter_in_the_upper_left_corner():
    """Its four pixels, each in four: the new places are at -1/4, 1/4, 3/4 and 5/4 of the old ones."""
    found = change(RISING, {AREA: 0, CROP_X: 0, CROP_Y: 0}, crop=0.25)
    at = np.array([0, 0.25, 0.75, 1.25])  # -1/4 is reflected, and there is the pixel itself
    np.testing.assert_allclose(found, (4 * at[:, None] + at) / 16, atol=1e-6)


def test_a_crop_may_be_wider_than_high_but_not_than_the_image():
    found = change(RISING, {AREA: 0, RATIO: 1}, crop=0.75)  # 1 wide and 3/4 high, in the middle
    down = np.array([0.375, 1.125, 1.875, 2.625])
    np.testing.assert_allclose(found, (4 * down[:, None] + np.arange(4)) / 16, atol=1e-6)


def test_rotation_by_a_quarter():
    np.testing.assert_allclose(change(RISING, {ANGLE: 1}, rotation=90), np.rot90(RISING), atol=1e-5)
    np.testing.assert_allclose(change(RISING, {ANGLE: 0}, rotation=90), np.rot90(RISING, -1), atol=1e-5)


def test_translation_by_a_quarter_reflects_what_comes_in():
    found = change(RISING, {SHIFT_X: 1}, translation=0.25)
    np.testing.assert_allclose(found, RISING[:, [1, 2, 3, 3]], atol=1e-6)


def test_zoom_to_half_the_width():
    found = change(RISING, {ZOOM: 0}, zoom=0.5)  # as a crop of a quarter in the middle
    at = np.array([0.75, 1.25, 1.75, 2.25])
    np.testing.assert_allclose(found, (4 * at[:, None] + at) / 16, atol=1e-6)


def test_colour_of_three_channels():
    np.testing.assert_allclose(change(COLOURS, {BRIGHT: 1}, colour=0.5), COLOURS * 1.5, rtol=1e-5)
    left = 0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6  # its grey; the right pixel is grey 0.1
    grey = np.array([[[left], [0.1]]])
    np.testing.assert_allclose(change(COLOURS, {SATURATION: 0}, colour=0.5), (grey + COLOURS) / 2, rtol=1e-5)
    mean = (left + 0.1) / 2
    np.testing.assert_allclose(change(COLOURS, {CONTRAST: 0}, colour=1.0), np.full((1, 2, 3), mean), rtol=1e-5)


def test_colour_of_one_channel():
    np.testing.assert_allclose(change(RISING, {BRIGHT: 0}, colour=0.5), RISING / 2, rtol=1e-5)
    np.testing.assert_array_equal(change(RISING, {SATURATION: 0}, colour=0.5), RISING.astype(np.float32))


def test_cutout_takes_the_mean_colour():
    found = change(RISING, {HOLE_X: 0.5, HOLE_Y: 0.25}, cutout=0.5)
    expected = RISING.copy()
    expected[0:2, 1:3] = RISING.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


ALL = {"crop": 0.3, "flip": True, "rotation": 20, "translation": 0.2, "zoom": 0.2, "colour": 0.8, "cutout": 0.4}


def seeds(seed: int, number: int) -> tf.Tensor:
    return tf.constant([seed, number], tf.int64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**9), st.sampled_from([1, 3]))
def test_images_keep_shape_dtype_and_range_and_a_replay_is_the_same(seed, number, channels):
    images = tf.constant(np.random.default_rng(number).random((5, 9, 7, channels), np.float32))
    found = augmented(images, AugmentationSettings(**ALL), seeds(seed, number))
    assert found.shape == images.shape and found.dtype == images.dtype
    assert float(tf.reduce_min(found)) >= 0 and float(tf.reduce_max(found)) <= 1
    np.testing.assert_array_equal(found, augmented(images, AugmentationSettings(**ALL), seeds(seed, number)))


@pytest.mark.parametrize("name", ALL)
def test_every_image_has_draws_of_its_own_and_every_unit_others(name):
    chosen = AugmentationSettings(**{name: ALL[name]})
    assert chosen.changes
    image = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    images = tf.constant(image.repeat(16, 0))
    found = augmented(images, chosen, seeds(0, 0)).numpy()
    assert len(np.unique(found, axis=0)) > 1, "the same image looks different beside itself"
    assert (found != augmented(images, chosen, seeds(0, 1)).numpy()).any()
    assert (found != augmented(images, chosen, seeds(1, 0)).numpy()).any()


def test_by_default_nothing_changes():
    assert not AugmentationSettings().changes
