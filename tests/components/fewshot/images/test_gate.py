"""Which files are refused before they are decoded, and the sentence that says why."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.images.gate import FORMATS, MAX_BYTES, examine, grouped
from tests.encoded import RGB, png, saved

PICTURE = np.zeros((4, 6, 3), np.uint8)
PNG = png(PICTURE, RGB)
BOX = b"\0\0\0\x18ftyp"


def reasons(*contents: bytes, **limits) -> list[str]:
    _, header = examine(tf.constant(contents), **limits)
    return [reason.decode() for reason in header.reason.numpy()]


def test_numbers_are_grouped():
    numbers = [0, 7, 999, 1_000, 12_345, 1_000_000, 999_999_999, 123_456_789_012]
    assert [text.decode() for text in grouped(tf.constant(numbers, tf.int64)).numpy()] == [f"{n:,}" for n in numbers]


def test_formats_by_content():
    files = [PNG, saved(PICTURE, "JPEG"), saved(PICTURE, "GIF"), saved(PICTURE, "BMP"), saved(PICTURE, "WEBP")]
    kinds, header = examine(tf.constant([*files, b"?"]))
    assert [(*FORMATS, "other")[kind] for kind in kinds.numpy()] == [*FORMATS, "other"]
    assert header.height.numpy()[:5].tolist() == [4] * 5 and header.width.numpy()[:5].tolist() == [6] * 5


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (BOX + b"heic\0\0\0\0mif1heic", "HEIC"),
        (BOX + b"mif1\0\0\0\0mif1heic", "HEIC"),
        (BOX + b"avif\0\0\0\0avifmif1", "AVIF"),
        (BOX + b"mif1\0\0\0\0avifmif1", "AVIF"),
        (saved(PICTURE, "TIFF"), "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (saved(PICTURE, "PPM"), "PNM"),
        (saved(PICTURE, "ICO"), "ICO"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "PSD"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_formats_that_are_not_read_are_named(content, name):
    assert reasons(content) == [f"{name} is not read (PNG, JPEG, GIF, BMP and WebP are): convert it"]


def test_other_files():
    told = reasons(
        b"",
        b"these are the good ones\n",
        b"<html>404</html>",
        b"\x93NUMPY\1\0",
        b"PK\3\4",
        b"BMW is a car, no picture",
    )
    assert told == [
        "the file is empty (0 bytes)",
        "a text file, not an image (PNG, JPEG, GIF, BMP and WebP are)",
        "a text file, not an image (PNG, JPEG, GIF, BMP and WebP are)",
        "not an image, or its header is damaged",
        "not an image, or its header is damaged",
        "a text file, not an image (PNG, JPEG, GIF, BMP and WebP are)",
    ]


def test_sizes():
    thin, dot, least = (png(np.zeros((*sides, 3)), RGB) for sides in ((40, 1), (1, 1), (2, 2)))
    assert reasons(thin, dot, least) == [
        "40 x 1 pixels: at least 2 x 2 are needed",
        "1 x 1 pixels: at least 2 x 2 are needed",
        "",
    ]
    assert reasons(PNG, max_pixels=24) == [""]
    assert reasons(PNG, max_pixels=23) == ["4 x 6 pixels are more than max_pixels = 23"]
    large = PNG[:16] + b"\0\0\x75\x30" * 2 + PNG[24:]
    assert reasons(large) == ["30,000 x 30,000 pixels are more than max_pixels = 64,000,000"]


@pytest.mark.parametrize("kind", FORMATS)
def test_any_cut_gives_a_reason_or_a_picture(kind):
    """Wherever a file ends, nothing raises, and a header that is cut is refused."""
    data = saved(np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8), kind)
    cut = [data[:end] for end in range(len(data))]
    told = reasons(*cut)
    assert all(told[:20]) and not reasons(data)[0]


def test_alone_and_among_others():
    files = [saved(PICTURE, kind) for kind in ("PNG", "GIF", "WEBP", "JPEG", "BMP")] + [b"", b"text", PNG[:50]]
    together = examine(tf.constant(files))
    for number, file in enumerate(files):
        alone = examine(tf.constant([file]))
        for one, all_of_them in zip(tf.nest.flatten(alone), tf.nest.flatten(together), strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[number])


def test_none():
    kinds, header = examine(tf.constant([], tf.string))
    assert kinds.shape == (0,) and header.reason.shape == (0,)
    assert MAX_BYTES == 268_435_456
