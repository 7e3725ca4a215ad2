"""The first frame of a GIF on its canvas, against Pillow."""

import numpy as np
import pytest

from components.fewshot.images.seen import see
from tests.encoded import by_pillow, gif

FRAME = np.arange(24).reshape(4, 6) % 5
PALETTE = np.array(
    [[200, 40, 30], [40, 170, 60], [30, 60, 200], [230, 200, 40], [9, 9, 9], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
)
COMMENT = b"\x21\xfe\x05hello\0"
SECOND = gif(4 - FRAME, PALETTE)[13 + 24 : -1]  # without the header and the palette

KINDS = {
    "whole": gif(FRAME, PALETTE),
    "clear": gif(FRAME, PALETTE, clear=1),
    "clear, and never used": gif(FRAME, PALETTE, clear=7),
    "larger canvas": gif(FRAME, PALETTE, place=(2, 3), canvas=(9, 12)),
    "larger canvas, clear": gif(FRAME, PALETTE, place=(2, 3), canvas=(9, 12), clear=2),
    "beyond its canvas": gif(FRAME, PALETTE, place=(2, 3)),
    "own palette": gif(FRAME, PALETTE, own=PALETTE[::-1], clear=3),
    "comments": gif(FRAME, PALETTE, more=COMMENT * 3),
    "an empty comment": gif(FRAME, PALETTE, more=b"\x21\xfe\0"),
    "no trailer": gif(FRAME, PALETTE)[:-1],
    "zeros at the end": gif(FRAME, PALETTE) + b"\0" * 99,
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_as_pillow_shows_it(data):
    (seen,) = see([data], lambda _, seen: seen)
    assert (seen.reason, seen.format) == ("", "GIF")
    np.testing.assert_array_equal(seen.pixels, by_pillow(data))
    assert ("alpha" in seen.flags) == (b"\x21\xf9\x04\x01" in data) and "animated" not in seen.flags


def test_of_an_animation_the_first_frame():
    (seen,) = see([gif(FRAME, PALETTE, more=COMMENT + SECOND)], lambda _, seen: seen)
    np.testing.assert_array_equal(seen.pixels, PALETTE[FRAME])
    assert seen.flags == ("animated",)
    (cut,) = see([gif(FRAME, PALETTE, more=SECOND[:20])], lambda _, seen: seen)
    np.testing.assert_array_equal(cut.pixels, PALETTE[FRAME])  # what is missing belongs to another frame


def test_truncated():
    data = gif(FRAME, PALETTE)
    for end in (14, 30, 50, len(data) - 2):
        (seen,) = see([data[:end]], lambda _, seen: seen)
        assert "truncated" in seen.reason


def test_the_size_is_that_of_the_canvas():
    """A small frame on a canvas that no memory holds."""
    (seen,) = see([gif(FRAME, PALETTE, canvas=(60_000, 60_000))], lambda _, seen: seen)
    assert seen.reason == "60,000 x 60,000 pixels are more than max_pixels = 64,000,000"
