"""How an image of another aspect ratio comes to the wanted size: stretched, cropped or padded."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.images.decode import ImageSpec, decode
from components.fewshot.images.fit import fitted
from tests.encoded import GREY, RGB, exif, png, saved

FITS = ("stretch", "crop", "pad")


def shown(pixels: np.ndarray, height: int, width: int, fit: str, **spec) -> np.ndarray:
    spec = ImageSpec(**{"height": height, "width": width, "channels": 1, "fit": fit} | spec)
    return fitted(tf.constant(pixels), spec).numpy()


def columns(*values: int, height: int = 2) -> np.ndarray:
    return np.tile(np.array(values, np.uint8)[:, np.newaxis], (height, 1, 1))


def rows(*values: int, width: int = 2) -> np.ndarray:
    return np.tile(np.array(values, np.uint8)[:, np.newaxis, np.newaxis], (1, width, 1))


@pytest.mark.parametrize(
    ("image", "size", "fit", "expected"),
    [
        # Wide: the two columns in the middle; of an odd rest, the larger part is cut off at the right and at the bottom.
        (columns(10, 20, 30, 40), (2, 2), "crop", [[20, 30]] * 2),
        (columns(10, 20, 30, 40, 50), (2, 2), "crop", [[20, 30]] * 2),
        (columns(10, 20, 30), (2, 2), "crop", [[10, 20]] * 2),
        # Tall: the same with rows.
        (rows(10, 20, 30, 40), (2, 2), "crop", [[20] * 2, [30] * 2]),
        (rows(10, 20, 30, 40, 50), (2, 2), "crop", [[20] * 2, [30] * 2]),
        # To a size that is not square: of 2 x 6 pixels for 2 x 3, the columns from 1 on.
        (columns(10, 20, 30, 40, 50, 60), (2, 3), "crop", [[20, 30, 40]] * 2),
        # Padded: 2 x 4 for 4 x 4 has a bar of one row above and below, 2 x 3 for 3 x 3 one of a row below.
        (columns(10, 20, 30, 40), (4, 4), "pad", [[255] * 4, [10, 20, 30, 40], [10, 20, 30, 40], [255] * 4]),
        (columns(10, 20, 30), (3, 3), "pad", [[10, 20, 30], [10, 20, 30], [255] * 3]),
        (rows(10, 20, 30), (3, 3), "pad", [[10, 10, 255], [20, 20, 255], [30, 30, 255]]),
        (rows(10, 20), (2, 6), "pad", [[255, 255, 10, 10, 255, 255], [255, 255, 20, 20, 255, 255]]),
        # 2 x 2 pixels fill 2 x 2 however they come to it.
        *[(columns(10, 20), (2, 2), fit, [[10, 20]] * 2) for fit in FITS],
    ],
)
def test_worked_by_hand(image, size, fit, expected):
    assert shown(image, *size, fit)[..., 0].tolist() == expected


def test_a_hair_is_still_seen():
    """2 x 400 pixels in 20 x 20 are a tenth of a row high; one row is left of them."""
    pixels = shown(columns(*[0] * 400), 20, 20, "pad")[..., 0]
    assert (pixels == 0).sum() == 20 and (pixels[9] == 0).all() and (pixels[10] == 255).all()
    assert (shown(columns(*[0] * 400), 20, 20, "crop") == 0).all()


def test_bars_are_as_the_ground_below_what_is_transparent():
    nothing, black = saved(np.zeros((2, 4, 4), np.uint8), "PNG"), saved(np.zeros((2, 4), np.uint8), "PNG")
    for invert, ground in ((False, 255), (True, 0)):
        spec = ImageSpec(height=4, width=4, channels=1, fit="pad", invert=invert)
        clear, padded = decode(tf.constant([nothing, black]), spec).numpy()[..., 0]
        assert (clear == ground).all() and padded[:, 0].tolist() == [ground, 255 - ground, 255 - ground, ground]


def test_colours():
    red = np.tile(np.array([255, 0, 0], np.uint8), (2, 4, 1))
    padded = shown(red, 4, 4, "pad", channels=3)
    assert padded[0, 0].tolist() == [255, 255, 255] and padded[1, 0].tolist() == [255, 0, 0]
    assert shown(red, 4, 4, "pad")[:, 0, 0].tolist() == [255, 76, 76, 255]  # 0.299 * 255 = 76.2
    assert shown(columns(10, 20, 30, 40), 4, 4, "pad", channels=3)[1, 0].tolist() == [10, 10, 10]
    assert (shown(red, 2, 2, "crop", channels=3) == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("fit", "expected"),
    [("crop", [[20] * 4, [20] * 4, [30] * 4, [30] * 4]), ("pad", [[255, v, v, 255] for v in (10, 20, 30, 40)])],
)
def test_a_picture_is_turned_before_it_is_fitted(fit, expected):
    """Orientation 6: what is stored as 2 x 4 is seen as 4 x 2, the left column on top."""
    stored = png(np.tile(np.array([10, 20, 30, 40], np.uint8), (2, 1)), GREY, before=[(b"eXIf", exif(6))])
    spec = ImageSpec(height=4, width=4, channels=1, fit=fit, resize="bilinear")
    pixels = decode(tf.constant([stored]), spec).numpy()[0, ..., 0]
    np.testing.assert_array_equal(pixels[[0, -1]], [expected[0], expected[-1]])
    assert fit == "crop" or pixels.tolist() == expected


def test_bicubic_is_sharper_at_an_edge_and_stays_within_0_to_255():
    edge = rows(0, 0, 255, 255, width=4)
    bilinear, bicubic = (
        shown(edge, 16, 4, "stretch", resize=resize)[:, 0, 0].astype(int) for resize in ("bilinear", "bicubic")
    )
    # Four pixels for each: bilinear rises from row 6 to row 9 (the centres of the pixels) by an eighth, three eighths, ...
    assert bilinear.tolist() == [0] * 6 + [32, 96, 159, 223] + [255] * 6
    assert bicubic[6] < bilinear[6] and bicubic[9] > bilinear[9] and set(bicubic[[0, 15]]) == {0, 255}


PICTURES = st.tuples(st.integers(2, 40), st.integers(2, 40), st.sampled_from([1, 3]), st.integers(0, 9))
SIZES = st.tuples(st.integers(2, 12), st.integers(2, 12))
WAYS = [("crop", "bilinear"), ("pad", "bicubic")]


def picture(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize(("fit", "resize"), WAYS)
@settings(max_examples=20, deadline=None)
@given(st.lists(PICTURES, min_size=1, max_size=4))
def test_alone_as_in_a_batch(fit, resize, pictures):
    """And in the graph as image by image."""
    spec = ImageSpec(height=7, width=10, channels=3, fit=fit, resize=resize)
    images = [picture(*one) for one in pictures]
    encoded = [png(image, GREY if image.shape[-1] == 1 else RGB) for image in images]
    batch = decode(tf.constant(encoded), spec).numpy()
    np.testing.assert_array_equal(batch, [decode(tf.constant([one]), spec).numpy()[0] for one in encoded])
    np.testing.assert_array_equal(batch, [fitted(tf.constant(image), spec) for image in images])


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 99),
    st.integers(2, 99),
    st.sampled_from(["crop", "pad"]),
    st.tuples(st.integers(2, 12), st.integers(2, 12)),
)
def test_where_the_picture_lies(height, width, fit, size):
    """A black picture: `crop` fills the size; `pad` fills one side, and the other in proportion, in the middle."""
    black = shown(np.zeros((height, width, 1), np.uint8), *size, fit)[..., 0] == 0
    down, across = black.any(axis=1), black.any(axis=0)
    np.testing.assert_array_equal(black, np.outer(down, across))
    if fit == "crop":
        assert black.all()
        return
    scale = min(size[0] / height, size[1] / width)
    for found, side, wanted in ((down, height, size[0]), (across, width, size[1])):
        before, inner = int(found.argmax()), int(found.sum())
        assert abs(inner - max(1, side * scale)) <= 0.5 + 1e-9 and found[before : before + inner].all()
        assert before == (wanted - inner) // 2
    assert down.all() or across.all()


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 4), st.sampled_from(["bilinear", "bicubic"]))
def test_in_the_same_aspect_ratio_all_are_one(height, width, times, resize):
    image = picture(height * times, width * times, 1, times)
    stretched, *others = (shown(image, 3 * height, 3 * width, fit, resize=resize) for fit in FITS)
    for other in others:
        np.testing.assert_array_equal(stretched, other)
