"""Thumbnails are what the model sees."""

import base64
import io

import numpy as np
from PIL import Image

from components.fewshot.images.thumbnail import SIDE, thumbnails
from tests.components.fewshot import toys
from tests.encoded import exif, png


def shown(encoded: bytes) -> np.ndarray:
    """The pixels in the data URI of a picture."""
    (uri,) = thumbnails([encoded])
    content = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_camera_that_was_turned():
    row = np.array([[[0] * 3, [255] * 3]] * 2, np.uint8)
    upright = shown(png(row, 2, before=[(b"eXIf", exif(6))]))
    assert upright[..., 0].tolist() == [[0, 0], [255, 255]]


def test_sixteen_bits():
    assert shown(png(np.array([[0, 65_535], [32_896, 0]]), 0, 16)).tolist() == [[0, 255], [128, 0]]


def test_what_cannot_be_shown_is_a_grey_field():
    assert set(shown(b"no picture").ravel().tolist()) == {200}


def test_large_ones_are_made_smaller_and_keep_their_form():
    stripes = np.zeros((400, 20, 1), np.uint8)
    stripes[200:] = 255
    small = shown(toys.png(stripes))
    assert small.shape == (SIDE, 5) and small[:40].max() < 5 and small[-40:].min() > 250
    assert shown(toys.png(stripes[:3])).shape == (3, 20)
    assert shown(toys.png(np.zeros((1000, 2, 1), np.uint8))).shape == (SIDE, 1)
