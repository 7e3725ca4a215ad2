"""Orientation, wherever a file may name it, against Pillow; and malformed blocks, which say nothing."""

import numpy as np
import pytest

from components.fewshot.images.seen import see
from tests.encoded import RGB, app1, by_pillow, exif, png, saved, segment, with_segments

PICTURE = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
JPEG = saved(PICTURE, "JPEG", quality=95, subsampling=0)
XMP = b"http://ns.adobe.com/xap/1.0/\0"


def pixels(data: bytes) -> np.ndarray:
    (seen,) = see([data], lambda _, seen: seen)
    assert seen.reason == ""
    return seen.pixels


def in_png(block: bytes, after: bool = False) -> bytes:
    chunks = [(b"eXIf", block)]
    return png(PICTURE, RGB, before=[] if after else chunks, after=chunks if after else [])


def hexed(block: bytes) -> bytes:
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return b"Raw profile type exif\0" + f"\nexif\n{len(block):8}\n{lines}\n".encode()


def xmp(value: int, form: str = '<rdf:Description tiff:Orientation="{}"/>') -> bytes:
    return b"<x:xmpmeta>" + form.format(value).encode() + b"</x:xmpmeta>"


def test_worked_by_hand():
    """A row of two pixels, black and white, that was taken with the camera turned."""
    row = np.array([[[0] * 3, [255] * 3]] * 2, np.uint8)
    turned = {
        1: [[0, 255], [0, 255]], 2: [[255, 0], [255, 0]], 3: [[255, 0], [255, 0]], 4: [[0, 255], [0, 255]],
        5: [[0, 0], [255, 255]], 6: [[0, 0], [255, 255]], 7: [[255, 255], [0, 0]], 8: [[255, 255], [0, 0]],
    }  # fmt: skip
    for value, expected in turned.items():
        assert pixels(png(row, RGB, before=[(b"eXIf", exif(value))]))[..., 0].tolist() == expected


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "png after its data", "webp", "prefixed", "hexed"])
def test_all_orientations(kind, value, order):
    block = exif(value, order, entries=3)
    data = {
        "jpeg": lambda: with_segments(JPEG, app1(block)),
        "png": lambda: in_png(block),
        "png after its data": lambda: in_png(block, after=True),
        "webp": lambda: saved(PICTURE, "WEBP", lossless=True, exif=block),
        "prefixed": lambda: saved(PICTURE, "WEBP", lossless=True, exif=b"Exif\0\0" + block),
        "hexed": lambda: png(PICTURE, RGB, before=[(b"tEXt", hexed(block))]),
    }[kind]()
    np.testing.assert_array_equal(pixels(data), by_pillow(data))


TURNED = {  # files that name an orientation of 6 in an unusual way
    "a second block": with_segments(JPEG, app1(exif(6)), app1(exif(3))),
    "after XMP": with_segments(JPEG, segment(XMP + xmp(3)), app1(exif(6))),
    "a long number": in_png(exif(6, kind=4)),
    "the last of 60": in_png(exif(6, entries=60)),
    "more promised": in_png(exif(6).replace(b"\x01\0\x12\x01", b"\xf4\x01\x12\x01")),
    "XMP alone": with_segments(JPEG, segment(XMP + xmp(6))),
    "XMP as an element": with_segments(JPEG, segment(XMP + xmp(6, "<tiff:Orientation>{}</tiff:Orientation>"))),
    "XMP where EXIF has none": with_segments(
        JPEG, app1(exif(6).replace(b"\x12\x01", b"\x13\x01")), segment(XMP + xmp(6))
    ),
    "XMP of a PNG": png(PICTURE, RGB, before=[(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6))]),
    "XMP that is no UTF-8": with_segments(JPEG, segment(XMP + b"\xff\xfe" + xmp(6) + b"\xff")),
}
PLAIN = {  # files that name none; each is read as it is stored
    "none": JPEG,
    "zero": with_segments(JPEG, app1(exif(0))),
    "zero, and XMP": with_segments(JPEG, app1(exif(0)), segment(XMP + xmp(6))),
    "nine": with_segments(JPEG, app1(exif(9))),
    "no TIFF": in_png(b"no TIFF at all"),
    "empty": in_png(b""),
    "cut in the header": with_segments(JPEG, app1(exif(6)[:7])),
    "cut in the directory": with_segments(JPEG, app1(exif(6)[:15])),
    "a directory beyond the block": with_segments(JPEG, app1(exif(6, at=4000))),
    "a directory beyond the file": in_png(exif(6, at=2**32 - 1)),
    "a byte": in_png(exif(6, kind=1)),
    "two values": in_png(exif(6).replace(b"\x03\0\x01\0\0\0", b"\x03\0\x02\0\0\0")),
    "no digits": png(PICTURE, RGB, before=[(b"tEXt", b"Raw profile type exif\0\nexif\n  6\nzz!!zz\n")]),
    "one line of text": png(PICTURE, RGB, before=[(b"tEXt", b"Raw profile type exif\0")]),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # of Pillow
@pytest.mark.parametrize("data", TURNED.values(), ids=TURNED)
def test_unusual_places(data):
    assert pixels(data).shape == (9, 6, 3)
    np.testing.assert_array_equal(pixels(data), by_pillow(data))


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_malformed_blocks_say_nothing(data):
    plain = by_pillow(JPEG) if data[:2] == b"\xff\xd8" else PICTURE
    np.testing.assert_array_equal(pixels(data), plain)
