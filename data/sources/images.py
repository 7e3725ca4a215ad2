"""Inspects the header of an image file: its format, what decoding will ignore, or the reason to set it aside.

`docs/data.md` has the policy as a table. Apart from the first frame of a GIF nothing is decoded here, so that huge images cost
nothing. ImageExampleGen checks with the decoder of the model that the pixels can be decoded.
"""

import io
import posixpath
import struct
from typing import NamedTuple

from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # those that tf.io.decode_image reads
FLAGS = ("exif_rotated", "cmyk", "sixteen_bit", "palette", "alpha", "animated", "wrong_extension")
MIN_SIDE = 2
MAX_BYTES = 256 * 2**20  # larger files are not read; 64 megapixels take 192 MB without compression

_SUFFIXES = {
    "PNG": {".png"},
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "WEBP": {".webp"},
}
_EXIF_ORIENTATION = 0x0112
_WEBP_ANIMATION = 0x02  # a flag in the extended header


class ImageInfo(NamedTuple):
    """A readable image: its format (one of FORMATS), its sides in pixels as stored, and those of FLAGS that apply."""

    format: str
    height: int
    width: int
    flags: tuple[str, ...]


class BadImage(ValueError):
    """An error that sets a file aside. Its message is the reason."""


def inspect(data: bytes, name: str, max_pixels: int) -> ImageInfo:
    """Returns what the header of an image file says.

    Args:
      data: the content of the file.
      name: its name, whose suffix is compared with the format.
      max_pixels: the largest height x width.

    Raises:
      BadImage: the format is not one of FORMATS, a side has less than 2 pixels, the image has more than `max_pixels`, or
        TensorFlow misreads this kind.
    """
    if not data:
        raise BadImage("the file is empty (0 bytes)")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check_size(*_webp_size(data), max_pixels)  # Pillow allocates the canvas of a WebP before it gives the size
    try:
        image = Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"more than max_pixels = {max_pixels:,} pixels") from error
    except Exception as error:  # a parser may raise any error on broken bytes, but no file may stop a run
        raise BadImage("not an image, or its header is damaged") from error
    with image:
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # phones append more pictures to a JPEG
        if kind not in FORMATS:
            raise BadImage(f"{kind} is not read (PNG, JPEG, GIF, BMP and WebP are): convert it")
        _check_size(image.height, image.width, max_pixels)
        try:
            _check_decoder(kind, image, data)
            flags = _flags(kind, image, data, name)
        except BadImage:
            raise
        except Exception as error:  # as above, because metadata has many parsers too
            raise BadImage(f"damaged {kind}: {error}") from error
        return ImageInfo(kind, image.height, image.width, flags)


def _check_size(height: int, width: int, max_pixels: int) -> None:
    if height < MIN_SIDE or width < MIN_SIDE:
        raise BadImage(f"{height} x {width} pixels: at least {MIN_SIDE} x {MIN_SIDE} are needed")
    if height * width > max_pixels:
        raise BadImage(f"{height:,} x {width:,} pixels are more than max_pixels = {max_pixels:,}")


def _check_decoder(kind: str, image: Image.Image, data: bytes) -> None:
    """Raises BadImage if TensorFlow would decode the image wrongly, without an error."""
    if kind == "GIF":
        image.load()  # raises an error for a truncated GIF, which TensorFlow would decode to a half-empty picture
    if kind == "WEBP" and data[12:16] == b"VP8X" and data[20] & _WEBP_ANIMATION:
        raise BadImage("an animated WebP makes TensorFlow overrun its buffer: save it as GIF, or one frame as PNG")
    if kind == "BMP":
        bits, compression = struct.unpack_from("<HI", data, 28)
        if compression not in (0, 3) or {8: "L", 24: "RGB", 32: "RGBA"}.get(bits) != image.mode:
            raise BadImage(f"a {bits}-bit BMP of mode {image.mode} is misread by TensorFlow: save it as PNG")


def _flags(kind: str, image: Image.Image, data: bytes, name: str) -> tuple[str, ...]:
    suffix = posixpath.splitext(name)[1].lower()
    applies = {
        "exif_rotated": "exif" in image.info and image.getexif().get(_EXIF_ORIENTATION, 1) != 1,
        "cmyk": image.mode == "CMYK",
        "sixteen_bit": kind == "PNG"
        and data[24] == 16,  # the bit depth in IHDR, which Pillow's mode does not show for colour
        "palette": kind == "PNG" and image.mode == "P",
        "alpha": kind != "GIF" and (image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info),
        "animated": getattr(image, "is_animated", False) and image.format != "MPO",
        "wrong_extension": suffix not in ("", *_SUFFIXES[kind]),
    }
    return tuple(flag for flag in FLAGS if applies[flag])


def _webp_size(data: bytes) -> tuple[int, int]:
    """Returns (height, width) from the first chunk of a WebP file, which is extended, lossless or lossy."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise BadImage("not an image, or its header is damaged")
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[7:10], "little"), 1 + int.from_bytes(body[4:7], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return height & 0x3FFF, width & 0x3FFF
