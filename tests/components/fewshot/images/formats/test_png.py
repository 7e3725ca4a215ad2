"""Transparency, depths and metadata of PNG: values worked out by hand."""

import zlib

import numpy as np
import pytest

from components.fewshot.images.seen import see
from tests.encoded import GREY, PALETTE, RGB, by_pillow, chunk, png

PICTURE = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 20, 31]]])
CLEAR = np.array([[[255] * 3, [40, 50, 60]], [[70, 80, 90], [10, 20, 31]]])
SHADES = np.array([[5, 9], [200, 255]])
COLOURS = (b"PLTE", bytes([10, 20, 30, 40, 50, 60, 70, 80, 90]))


def look(data: bytes):
    (seen,) = see([data], lambda _, seen: seen)
    return seen


def test_one_clear_colour():
    seen = look(png(PICTURE, RGB, before=[(b"tRNS", bytes([0, 10, 0, 20, 0, 30]))]))
    assert seen.flags == ("alpha",) and (seen.pixels == CLEAR).all()
    seen = look(png(SHADES, GREY, before=[(b"tRNS", b"\0\x09")]))
    assert seen.flags == ("alpha",) and seen.pixels[..., 0].tolist() == [[5, 255], [200, 255]]


def test_a_clear_colour_of_16_bits_is_compared_in_16_bits():
    deep = PICTURE * 257
    close = deep.copy()
    close[1, 1] = deep[0, 0] + 1  # the same in the upper eight bits
    key = b"".join(int(value).to_bytes(2, "big") for value in deep[0, 0])
    seen = look(png(close, RGB, 16, before=[(b"tRNS", key)]))
    assert seen.flags == ("sixteen_bit", "alpha")
    assert seen.pixels[0, 0].tolist() == [255, 255, 255] and seen.pixels[1, 1].tolist() == [10, 20, 30]


def test_a_palette_with_alpha():
    data = png(np.array([[0, 1], [2, 0]]), PALETTE, before=[COLOURS, (b"tRNS", bytes([0, 51]))])
    seen = look(data)
    assert seen.flags == ("palette", "alpha")
    assert seen.pixels.tolist() == [[[255, 255, 255], [212, 214, 216]], [[70, 80, 90], [255, 255, 255]]]


@pytest.mark.parametrize("largest", [1, 255, 1023, 4095])
@pytest.mark.parametrize("colour", [GREY, RGB])
def test_16_bits_that_hold_fewer_are_refused(largest, colour):
    samples = np.zeros((4, 4, 3) if colour == RGB else (4, 4), int)
    samples[1, 2] = largest
    reason = look(png(samples, colour, 16)).reason
    assert reason.startswith(f"a 16-bit PNG whose largest value is {largest} of 65535 would be read as black")


def test_16_bits_that_use_them():
    samples = np.array([[0, 4096], [30_000, 65_535]])
    assert look(png(samples, GREY, 16)).pixels[..., 0].tolist() == [[0, 16], [117, 255]]
    assert (look(png(samples * 0, GREY, 16)).pixels == 0).all()  # a black picture is one
    with_alpha = np.stack([samples * 0 + 9, samples * 0 + 65_535], -1)
    assert "largest value is 9" in look(png(with_alpha, 4, 16)).reason  # alpha is no brightness


def test_metadata_is_passed_over():
    """Texts and profiles of two megabytes, an animation without frames, chunks that nobody knows."""
    big = zlib.compress(bytes(2_000_000))
    before = [(b"zTXt", b"k\0\0" + big), (b"iCCP", b"k\0\0" + big), (b"acTL", bytes(8)), (b"zzZz", b"?")]
    seen = look(png(PICTURE, RGB, before=before, after=[(b"tEXt", b"k\0" + bytes(2_000_000))]))
    assert (seen.pixels == PICTURE).all() and seen.flags == ("animated",)


def test_damage():
    data = png(PICTURE, RGB)
    assert "a part of this PNG is missing" in look(data[:-1]).reason
    assert "a part of this PNG is missing" in look(data[:40]).reason
    assert "a part of this PNG is missing" in look(data[:20]).reason
    assert look(data[:8] + data[12:]).reason == "not an image, or its header is damaged"
    wrong = data.replace(data[50:52], bytes([data[50] ^ 1, data[51]]))
    assert look(wrong).reason == "damaged or truncated: its pixels cannot be decoded"
    assert look(data + b"more").reason == ""


def test_as_pillow_shows_it():
    rng = np.random.default_rng(0)
    for colour, samples in ((0, 1), (2, 3), (4, 2), (6, 4)):
        data = png(rng.integers(0, 256, (9, 7, samples)), colour)
        shown = np.broadcast_to(look(data).pixels, (9, 7, 3)).astype(int)
        assert np.abs(shown - by_pillow(data)).max() <= 1
    assert chunk(b"IEND", b"") == b"\0\0\0\0IEND\xaeB`\x82"
