"""Pictures as arrays are what they would be as files."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.doors.pictures import pictures
from components.fewshot.images.decode import decode
from components.fewshot.settings.image import ImageSpec

PAD = ImageSpec(height=32, width=32, channels=3, fit="pad")


def test_a_wide_picture_gets_white_bars_and_its_boxes_move_with_it():
    """Twice as wide as high: it fills the middle half of the height."""
    found = pictures("images", [np.zeros((10, 20, 3), np.uint8), np.full((64, 64, 1), 7, np.uint8)], PAD)
    assert found.pixels.dtype == np.uint8 and found.pixels.shape == (2, 32, 32, 3)
    assert (found.pixels[0, :8] == 255).all() and not found.pixels[0, 8:24].any() and (found.pixels[1] == 7).all()
    boxes = tf.constant([[0.0, 0.5, 1.0, 1.0], [0.0, 0.5, 1.0, 1.0]])
    inside = found.frames.into(boxes)
    assert inside.numpy().tolist() == [[0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0]]
    assert found.frames.out_of(inside).numpy().tolist() == boxes.numpy().tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_pixels_as_of_a_file(channels):
    spec = PAD.model_copy(update={"channels": channels})
    images = [np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8) for size in ((50, 40), (32, 32), (9, 90))]
    encoded = tf.constant([tf.io.encode_png(image).numpy() for image in images])
    assert pictures("images", images, spec).pixels.tobytes() == decode(encoded, spec).numpy().tobytes()
    floats = [image / 255 for image in images]
    assert pictures("images", floats, spec).pixels.tobytes() == decode(encoded, spec).numpy().tobytes()


def test_an_array_and_none_at_all():
    assert pictures("images", np.zeros((2, 8, 8, 1)), PAD).pixels.shape == (2, 32, 32, 3)
    nothing = pictures("images", [], PAD)
    assert nothing.pixels.shape == (0, 32, 32, 3) and nothing.frames.scale.shape == (0, 4)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (
            np.zeros((8, 8, 3)),
            r"images: expected \[N, H, W, C\], or a list .* got shape \(8, 8, 3\): a single one goes",
        ),
        (None, r"got shape \(\)"),
        (
            [np.zeros((8, 8))],
            r"images\[0\]: expected \[h, w, C\] with C of 1 \(grey\) or 3 \(RGB\), got shape \(8, 8\)",
        ),
        (np.zeros((1, 8, 8, 4)), r"got shape \(8, 8, 4\)"),
        ([np.zeros((0, 8, 3))], r"got shape \(0, 8, 3\)"),
        ([np.zeros((8, 8, 3)), np.full((8, 8, 3), 255)], r"images\[1\]: .* floats in 0..1, got int64 from 255 to 255"),
        ([np.full((8, 8, 3), np.nan)], "got float64 from nan to nan"),
        (["a.png"], r"images\[0\]: expected .* got shape \(\)"),
    ],
)
def test_what_are_no_pictures(images, said):
    with pytest.raises(ValueError, match=said):
        pictures("images", images, PAD)


def test_a_part_of_all_pictures_is_numbered_as_it_is_in_all():
    with pytest.raises(
        ValueError, match=r"images\[33\]: expected uint8 in 0..255 or floats in 0..1, got float64 from 2 to 2"
    ):
        pictures("images", [np.zeros((8, 8, 3)), np.full((8, 8, 3), 2.0)], PAD, 32)
