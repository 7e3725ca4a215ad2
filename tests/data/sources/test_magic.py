import io
import struct

import pytest
from PIL import Image

from data.sources.magic import HEAD, picture_kind


def saved(kind, mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, (5, 4)).save(file, kind, **options)
    return file.getvalue()


def media(*brands):
    """The first box of an ISO media file: a main brand, a version, and others."""
    return struct.pack(">I", 12 + 4 * len(brands)) + b"ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands[1:])


KINDS = {kind: saved(kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")} | {"PNM": saved("PPM")}
KINDS |= {
    "HEIC": media(b"heic", b"mif1", b"heic"),
    "AVIF": media(b"mif1", b"mif1", b"avif"),
    "CR3": media(b"crx ", b"isom"),
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "PSD": b"8BPS\0\1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_told_by_its_first_bytes(kind):
    assert picture_kind(KINDS[kind][:HEAD]) == kind


@pytest.mark.parametrize(
    "data", [saved("JPEG", "L"), saved("JPEG", quality=1), b"\xff\xd8\xff\xdb\0\x43"], ids=["grey", "rough", "bare"]
)
def test_every_jpeg_is_one(data):
    assert picture_kind(data[:HEAD]) == "JPEG"


NONE = {
    "nothing": b"",
    "text": b"These are the good ones.\n",
    "text that begins like a bitmap": b"BMW and other cars: a list of all that I have ever seen",
    "text that begins like a pixmap": b"P1 is the first pixel",
    "a double of macOS": b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + b"\0" * 90,
    "a film": media(b"isom", b"iso2", b"mp41"),
    "sound": b"RIFF\0\0\0\0WAVEfmt ",
    "a page": b"%PDF-1.7\n",
    "an archive": b"PK\x03\x04",
    "half a beginning": b"\x89PN",
    "Thumbs.db": b"\xd0\xcf\x11\xe0" + b"\0" * 60,
}


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_what_is_no_picture(data):
    assert picture_kind(data[:HEAD]) is None
