"""The one gate for image files: which are read, which are refused, and with which sentence.

It is a graph, so that ingest and the SavedModel hold the same policy by holding the same code. It reads headers only, so that a
picture of millions of pixels in a small file is refused before memory is taken.
"""

import tensorflow as tf

from components.fewshot.images.formats import bmp, gif, jpeg, png, webp
from components.fewshot.images.formats.header import Header
from components.fewshot.images.reading import Files, says
from components.fewshot.settings.image import MAX_PIXELS
from components.fewshot.tensors import Tensor

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # by their number in the graph; len(FORMATS) is any other file
MIN_SIDE = 2
MAX_BYTES = 256 * 2**20  # larger files are not read; 64 megapixels take 192 MB without compression
ANY_SIZE = 2**40  # as a limit in pixels, where sizes have been judged before

OTHERS = (  # formats that are not read, so that a refusal can name them: (place, bytes, name)
    *((8, brand, "HEIC") for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")),
    *((8, brand, "AVIF") for brand in (b"avif", b"avis")),
    *((16, brand, "AVIF") for brand in (b"avif", b"avis")),  # a compatible brand of an image that calls itself mif1
    *((0, magic, "TIFF") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((0, magic, "JPEG XL") for magic in (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    *((0, magic, "JPEG 2000") for magic in (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    *((0, magic, "PNM") for magic in (b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n", b"P7\n", b"P5 ", b"P6 ")),
    (0, b"8BPS", "PSD"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"PK\3\4", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
)
HEAD = 40  # bytes by which formats are told apart


@tf.autograph.experimental.do_not_convert
def examine(encoded: Tensor, max_pixels: int | Tensor = MAX_PIXELS) -> tuple[Tensor, Header]:
    """Reads the headers of image files.

    Args:
      encoded: content of the files, string [B].
      max_pixels: the largest height x width.

    Returns:
      The number of each format in FORMATS, int64 [B], and the headers; a file with a `reason` must not be decoded.
    """
    files = Files.of(encoded)
    head = files.head(HEAD)
    kind = _kind(head)
    readers = (png, jpeg, gif, bmp, webp)
    headers = [reader.header(files, tf.equal(kind, number)) for number, reader in enumerate(readers)]
    found = headers[0]
    for number, other in enumerate(headers[1:], 1):
        mine = tf.equal(kind, number)
        found = Header._make(
            tf.where(mine if len(new.shape) == 1 else mine[:, tf.newaxis], new, old)
            for old, new in zip(found, other, strict=True)
        )
    reason = tf.where(tf.equal(kind, len(FORMATS)), _unread(files, head), found.reason)
    size = _size_reason(found, max_pixels)
    reason = tf.where(tf.equal(kind, len(FORMATS)) | tf.equal(size, ""), reason, size)
    limit = tf.strings.join(["the file has ", grouped(files.length), f" bytes; at most {MAX_BYTES:,} are allowed"])
    reason = tf.where(files.length > MAX_BYTES, limit, reason)
    return kind, found._replace(reason=tf.where(tf.equal(files.length, 0), "the file is empty (0 bytes)", reason))


def grouped(number: Tensor) -> Tensor:
    """The text of int64 [B] below 10**12 with commas between thousands: string [B]."""
    groups = [tf.strings.as_string(number // 10**power % 1000, width=3, fill="0") for power in (9, 6, 3, 0)]
    return tf.strings.regex_replace(tf.strings.join(groups, ","), "^[0,]*(.)", r"\1")


def _kind(head: Tensor) -> Tensor:
    """The number of each format."""
    begins = (
        says(head, 0, png.SIGNATURE),
        says(head, 0, jpeg.SIGNATURE),
        says(head, 0, gif.SIGNATURE),
        bmp.is_bmp(head),
        says(head, 0, b"RIFF") & says(head, 8, b"WEBP"),
    )
    found = tf.fill(tf.shape(begins[0]), tf.constant(len(FORMATS), tf.int64))
    for number, mine in enumerate(begins):
        found = tf.where(mine, tf.constant(number, tf.int64), found)
    return found


def _unread(files: Files, head: Tensor) -> Tensor:
    """The reason for which a file of no known format is not read."""
    read = "PNG, JPEG, GIF, BMP and WebP are"
    printable = (head >= 32) & (head < 127) | (head >= 9) & (head <= 13)
    beyond = tf.range(HEAD, dtype=tf.int64)[tf.newaxis] >= files.length[:, tf.newaxis]
    is_text = tf.reduce_all(printable | beyond, axis=1)
    reason = tf.where(is_text, f"a text file, not an image ({read})", "not an image, or its header is damaged")
    for place, magic, name in OTHERS:
        boxed = says(head, 4, b"ftyp") if place else tf.ones_like(is_text)
        told = f"{name} is not read ({read}): convert it" if name != "ZIP" else f"a ZIP archive, not an image ({read})"
        reason = tf.where(boxed & says(head, place, magic), told, reason)
    return reason


def _size_reason(header: Header, max_pixels: int | Tensor) -> Tensor:
    """The reason if an image is too small or too large, else ""; a size that was not found gives none."""
    height, width = header.height, header.width
    sides = tf.strings.join([grouped(height), " x ", grouped(width), " pixels"])
    small = tf.strings.join([sides, f": at least {MIN_SIDE} x {MIN_SIDE} are needed"])
    limit = tf.cast(max_pixels, tf.int64)
    large = tf.strings.join([sides, " are more than max_pixels = ", grouped(limit)])
    known = (height > 0) & (width > 0)
    reason = tf.where(known & (height * width > limit), large, "")
    return tf.where(known & ((height < MIN_SIDE) | (width < MIN_SIDE)), small, reason)
