"""Tells a picture from its first bytes, also one of a format that is not read, so that it is set aside with its name."""

import struct
from collections.abc import Callable

HEAD = 64  # bytes that are enough


def picture_kind(head: bytes) -> str | None:
    """Returns the format of a file that begins like a picture, such as "PNG" or "HEIC", or None.

    Args:
      head: the first `HEAD` bytes, or all of a shorter file.
    """
    return next((kind for kind, fits in _KINDS if fits(head)), None)


def _starts(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _is_bmp(head: bytes) -> bool:
    """Two letters are not enough: the size of the header that follows has to be one of those there are."""
    return head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS


def _is_pnm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n" and head[3:4] in b"#0123456789"


def _brands(*brands: bytes) -> Callable[[bytes], bool]:
    """An ISO media file: `ftyp` names its brand, and others that it is compatible with."""

    def fits(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(struct.unpack_from(">I", head)[0], len(head))
        named = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
        return not named.isdisjoint(brands)

    return fits


_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
# In this order: an AVIF may name the brand of all HEIF pictures too.
_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("PNG", _starts(b"\x89PNG\r\n\x1a\n")),
    ("JPEG", _starts(b"\xff\xd8\xff")),
    ("GIF", _starts(b"GIF87a", b"GIF89a")),
    ("WEBP", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("BMP", _is_bmp),
    ("TIFF", _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),  # and most raw files of cameras
    ("AVIF", _brands(b"avif", b"avis")),
    ("HEIC", _brands(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")),
    ("CR3", _brands(b"crx ")),
    ("JPEG XL", _starts(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    ("JPEG 2000", _starts(b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")),
    ("PSD", _starts(b"8BPS")),
    ("EXR", _starts(b"v/1\x01")),
    ("QOI", _starts(b"qoif")),
    ("PNM", _is_pnm),
)
