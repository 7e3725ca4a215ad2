"""The one gate for image files: which are read, which are refused, and with which sentence.

It is a graph, so that ingest and the SavedModel hold the same policy by holding the same code. It reads headers only, so that a
picture of millions of pixels in a small file is refused before memory is taken.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.fewshot.images.formats import bmp, gif, jpeg, png, webp
from components.fewshot.images.formats.exif import orientation
from components.fewshot.images.formats.header import Header
from components.fewshot.images.reading import Files
from components.fewshot.settings.image import MAX_PIXELS
from components.fewshot.tensors import Tensor

Signature = tuple[tuple[int, bytes], ...]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # by their number in the graph; len(FORMATS) is any other file
SIGNATURES = (  # of FORMATS: (place, bytes); BMP has two letters, which begin many a text, and more
    ((0, png.SIGNATURE),),
    ((0, jpeg.SIGNATURE),),
    ((0, gif.SIGNATURE),),
    ((0, bmp.SIGNATURE), (15, b"\0\0\0")),
    ((0, b"RIFF"), (8, b"WEBP")),
)
MIN_SIDE = 2
MAX_BYTES = 256 * 2**20  # larger files are not read; 64 megapixels take 192 MB without compression
ANY_SIZE = 2**40  # as a limit in pixels, where sizes have been judged before

HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
OTHERS = (  # formats that are not read, so that a refusal can name them; the last that fits counts
    *(("HEIC", ((4, b"ftyp"), (8, brand))) for brand in HEIC),
    # An AVIF may call itself by the brand of all HEIF pictures, and name its own among those it is compatible with.
    *(("AVIF", ((4, b"ftyp"), (place, brand))) for brand in (b"avif", b"avis") for place in (8, 16, 20, 24, 28)),
    *(("TIFF", ((0, magic),)) for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *(("JPEG XL", ((0, magic),)) for magic in (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    *(("JPEG 2000", ((0, magic),)) for magic in (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    *(("PNM", ((0, b"P%d%c" % (kind, space)),)) for kind in range(1, 8) for space in b"\n "),
    ("CR3", ((4, b"ftyp"), (8, b"crx "))),
    ("EXR", ((0, b"v/1\x01"),)),
    ("QOI", ((0, b"qoif"),)),
    ("PSD", ((0, b"8BPS"),)),
    ("ICO", ((0, b"\0\0\1\0"),)),
    ("PDF", ((0, b"%PDF"),)),
    ("SVG", ((0, b"<svg"),)),
    ("gzip", ((0, b"\x1f\x8b"),)),
)
READ = "PNG, JPEG, GIF, BMP and WebP are"
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
    kind = _last(_fits(head, SIGNATURES), len(FORMATS))
    found = Header.plain(files)
    for number, reader in enumerate((png, jpeg, gif, bmp, webp)):
        mine = tf.equal(kind, number)
        found = found.told(mine, reader.header(files, mine))
    found = found._replace(orientation=orientation(files, found.exif, found.xmp, found.hexed))
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


def _fits(head: Tensor, signatures: Sequence[Signature]) -> Tensor:
    """Which signatures fit the first bytes of each file (int64 [B, HEAD]): bool [B, n]."""
    table = np.full((len(signatures), HEAD), -1)  # -1 fits any byte
    for row, parts in enumerate(signatures):
        for place, text in parts:
            table[row, place : place + len(text)] = list(text)
    return tf.reduce_all(tf.equal(head[:, tf.newaxis], table) | (table < 0), axis=-1)


def _last(fits: Tensor, otherwise: int) -> Tensor:
    """The number of the last column of bool [B, n] that holds, or `otherwise`: int64 [B]."""
    number = tf.reduce_max(tf.where(fits, tf.range(tf.shape(fits)[1], dtype=tf.int32), -1), axis=1)
    return tf.cast(tf.where(number < 0, otherwise, number), tf.int64)


def _unread(files: Files, head: Tensor) -> Tensor:
    """The reason for which a file of no known format is not read."""
    told = [f"{name} is not read ({READ}): convert it" for name, _ in OTHERS]
    told += ["not an image, or its header is damaged", f"a text file, not an image ({READ})"]
    printable = (head >= 32) & (head < 127) | (head >= 9) & (head <= 13)
    beyond = tf.range(HEAD, dtype=tf.int64) >= files.length[:, tf.newaxis]
    is_text = tf.cast(tf.reduce_all(printable | beyond, axis=1), tf.int64)
    number = _last(_fits(head, [parts for _, parts in OTHERS]), len(OTHERS))
    return tf.gather(told, number + tf.where(tf.equal(number, len(OTHERS)), is_text, 0))


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
