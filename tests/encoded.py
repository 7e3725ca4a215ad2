"""Image files written byte by byte, so that tests can make kinds that a library does not write."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

Chunk = tuple[bytes, bytes]
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types of PNG


def saved(pixels: np.ndarray, kind: str, **options) -> bytes:
    """What Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    """What Pillow shows over white with EXIF applied: uint8 [H, W, 3]."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def png(
    rows: np.ndarray, colour: int, depth: int = 8, before: Sequence[Chunk] = (), after: Sequence[Chunk] = ()
) -> bytes:
    """A PNG of samples [H, W] or [H, W, C]; `before` and `after` are chunks on both sides of the data."""
    height, width = rows.shape[:2]
    packed = rows.astype(">u2").tobytes() if depth == 16 else rows.astype(np.uint8).tobytes()
    size = len(packed) // height
    data = b"".join(b"\0" + packed[at : at + size] for at in range(0, len(packed), size))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(data)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def exif(orientation: int, order: str = "<", entries: int = 1, kind: int = 3, at: int = 8) -> bytes:
    """A TIFF block with an orientation, and `entries` - 1 others before it; its directory is said to be `at` this place."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    others = b"".join(struct.pack(order + "HHII", 0x0100 + i, 4, 1, 7) for i in range(entries - 1))
    value = struct.pack(order + {1: "Bxxx", 3: "Hxx", 4: "I"}[kind], orientation)
    own = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    return mark + struct.pack(order + "IH", at, entries) + others + own + b"\0\0\0\0"


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments right after its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def segment(content: bytes, marker: int = 0xE1, length: int | None = None) -> bytes:
    """A segment of a JPEG, which may lie about its length."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2 if length is None else length) + content


def app1(block: bytes, **options) -> bytes:
    """EXIF in a JPEG."""
    return segment(b"Exif\0\0" + block, **options)


def gif(
    frame: np.ndarray, palette: np.ndarray, place=(0, 0), canvas=None, clear: int | None = None, own=None, more=b""
) -> bytes:
    """A GIF of one frame [h, w] of indices below 128, uncompressed; `own` is a palette of the frame, `more` follows it."""
    height, width = canvas or frame.shape
    out = (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0xF0 | _power(palette), 0, 0)
        + palette.astype(np.uint8).tobytes()
    )
    if clear is not None:
        out += b"\x21\xf9\x04" + struct.pack("<BHBB", 1, 0, clear, 0)
    flags = 0 if own is None else 0x80 | _power(own)
    out += b"," + struct.pack("<HHHHB", place[1], place[0], frame.shape[1], frame.shape[0], flags)
    out += b"" if own is None else own.astype(np.uint8).tobytes()
    return out + lzw(frame) + more + b";"


def lzw(frame: np.ndarray) -> bytes:
    """Codes of 8 bits, with a clear code often enough that they never grow."""
    codes = b"".join(b"\x80" + part for part in _parts(frame.astype(np.uint8).tobytes(), 100)) + b"\x81"
    return b"\x07" + b"".join(bytes([len(part)]) + part for part in _parts(codes, 255)) + b"\0"


def bmp(rows: bytes, width: int, height: int, bits: int, palette=b"", masks=(), header=40, compression=0) -> bytes:
    """A BMP whose rows are given as they are stored."""
    fields = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(rows), 0, 0, 0, 0)
    body = fields + b"".join(struct.pack("<I", mask) for mask in masks)
    body = body.ljust(header, b"\0") + palette
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(rows), 0, 0, 14 + len(body)) + body + rows


def _power(palette: np.ndarray) -> int:
    return (len(palette) - 1).bit_length() - 1


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
