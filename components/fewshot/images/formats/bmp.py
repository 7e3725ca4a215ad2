"""BMP: the kinds that TensorFlow reads right; it misreads all others without an error. Source: BITMAPINFOHEADER, V4 and V5."""

import tensorflow as tf

from components.fewshot.images.formats.header import Known, truncated
from components.fewshot.images.reading import Files, little
from components.fewshot.tensors import Tensor

SIGNATURE = b"BM"
PLAIN, FIELDS = 0, (3, 6)  # compression
BGRA = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)  # masks of red, green, blue and alpha
READ = "24-bit, 8-bit grey and 32-bit BGRA are"


def header(files: Files, mine: Tensor) -> Known:
    """What the headers of those files tell that are `mine` (bool [B])."""
    head = files.head(70)
    pixels, size = little(head, 10, 4), little(head, 14, 4)
    bits, compression = little(head, 28, 2), little(head, 30, 4)
    height = _signed(little(head, 22, 4))
    known = size >= 40
    height, width = tf.where(known, tf.abs(height), 0), tf.where(known, _signed(little(head, 18, 4)), 0)
    plain = tf.equal(compression, PLAIN)
    fields = tf.reduce_any(tf.equal(compression[:, tf.newaxis], tf.constant(FIELDS, tf.int64)), axis=1)
    masks = tf.stack([little(head, at, 4) for at in (54, 58, 62, 66)], axis=1)
    in_order = tf.reduce_all(tf.equal(masks[:, :3], tf.constant(BGRA[:3], tf.int64)), axis=1)
    has_alpha = fields & in_order & (size >= 56) & tf.equal(masks[:, 3], BGRA[3])
    no_alpha = plain | (fields & in_order & ((size < 56) | tf.equal(masks[:, 3], 0)))
    grey = tf.cond(
        tf.reduce_any(mine & tf.equal(bits, 8)), lambda: _is_ramp(files, size, head), lambda: tf.zeros_like(mine)
    )
    readable = tf.equal(bits, 24) & plain
    readable |= tf.equal(bits, 8) & plain & grey
    readable |= tf.equal(bits, 32) & (has_alpha | no_alpha)
    kind = ["a BMP of bit depth ", tf.strings.as_string(bits), " with this compression or palette is not read"]
    told = tf.strings.join([*kind, f" ({READ}): save it as PNG"])
    told = tf.where(~known, f"an OS/2 BMP is not read ({READ}): save it as PNG", told)
    row = (width * bits + 31) // 32 * 4
    lacks = (files.length < 54) | (width > 0) & (pixels + row * height > files.length)
    reason = tf.where(readable & known, tf.where(lacks, truncated("BMP"), ""), told)
    reason = tf.where(files.length < 30, truncated("BMP"), reason)
    content = files.between(tf.zeros_like(pixels), pixels + row * height)  # what follows confuses the decoder
    is_32 = tf.equal(bits, 32)
    return Known(
        height=height, width=width, reason=reason, content=content, alpha=has_alpha & is_32, opaque=no_alpha & is_32
    )


def _is_ramp(files: Files, size: Tensor, head: Tensor) -> Tensor:
    """Whether the palette is black to white in 256 steps, so that the stored numbers are the greys."""
    colours = little(head, 46, 4)
    palette = tf.reshape(files.take(14 + size, 1024), [-1, 256, 4])[..., :3]
    ramp = tf.range(256, dtype=tf.int64)[tf.newaxis, :, tf.newaxis]
    beyond = ramp >= tf.where(colours > 0, colours, 256)[:, tf.newaxis, tf.newaxis]
    return tf.reduce_all(tf.equal(palette, ramp) | beyond, axis=[1, 2])


def _signed(number: Tensor) -> Tensor:
    return tf.where(number >= 2**31, number - 2**32, number)
