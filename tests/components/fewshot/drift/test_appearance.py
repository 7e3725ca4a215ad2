"""How images look in numbers, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.drift.appearance import LOOKS, looks


def look_of(pixels) -> dict[str, float]:
    encoded = tf.io.encode_png(np.array(pixels, np.uint8)).numpy()
    return dict(zip(LOOKS, looks([encoded])[0], strict=True))


def test_black_and_white_side_by_side():
    grey = [[[0], [255]], [[0], [255]]]
    assert look_of(grey) == {"brightness": 0.5, "contrast": 0.5, "colourfulness": 0.0, "sharpness": 0.5}


def test_a_red_field():
    assert look_of(np.full((4, 4, 3), [255, 0, 0])) == pytest.approx(
        {"brightness": 1 / 3, "contrast": 0.0, "colourfulness": 1.0, "sharpness": 0.0}
    )


def test_a_large_image_is_looked_at_here_and_there():
    chequered = np.indices((1, 2000)).sum(0)[..., None] * 255 % 510
    assert look_of(np.repeat(chequered, 2, 0))["brightness"] in (0.0, 1.0), "of 2000 columns each fourth"


def test_what_cannot_be_read_has_no_looks():
    assert looks([b"no image"]).tolist() == [[0.0, 0.0, 0.0, 0.0]]
    assert looks([]).shape == (0, 4)
