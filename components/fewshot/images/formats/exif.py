"""EXIF orientation: how a picture must be turned to be seen as it was taken. A malformed block says nothing.

Source: Exif 2.32 (CIPA DC-008), tag 0x0112, in a TIFF directory. As in Pillow, an orientation in XMP counts where EXIF has none.
"""

from functools import partial

import tensorflow as tf

from components.fewshot.images.reading import Files, big, joined, little, says
from components.fewshot.tensors import Tensor

ORIENTATION = 0x0112
ENTRIES = 128  # of a directory that are looked at; cameras write some 20, sorted by tag
SHORT, LONG = 3, 4  # types
PREFIX = b"Exif\0\0"
XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
NONE = -1
HEX_BYTES = 2048  # of a block in hexadecimal digits that are looked at


def orientation(files: Files, exif: Tensor, xmp: Tensor, hexed: Tensor) -> Tensor:
    """The orientation that each file names, int64 [B] in 1 to 8.

    Args:
      files: the files.
      exif: start and end of the EXIF block in each, int64 [B, 2]; both are 0 where there is none.
      xmp: the same for XMP.
      hexed: the same for EXIF as a text of hexadecimal digits.
    """
    found = NONE * tf.ones_like(files.length)
    for block, read in ((exif, _in_exif), (hexed, _in_hexed), (xmp, _in_xmp)):  # the first that names one counts
        asked = (block[:, 1] > 0) & tf.equal(found, NONE)
        looks = partial(read, files, block[:, 0], block[:, 1])
        found = tf.where(asked, tf.cond(tf.reduce_any(asked), looks, partial(tf.zeros_like, found)), found)
    return tf.where((found >= 1) & (found <= 8), found, tf.ones_like(found))


def _in_hexed(files: Files, start: Tensor, end: Tensor) -> Tensor:
    """Of the block that ImageMagick writes into a text of a PNG: three lines about it, then hexadecimal digits."""
    text = tf.strings.regex_replace(files.between(start, end), r"^[^\n]*\n[^\n]*\n[^\n]*\n", "")
    digits = Files.of(tf.strings.lower(tf.strings.regex_replace(text, r"\n", "")))
    codes = digits.head(2 * HEX_BYTES)
    values = tf.reshape(tf.where(codes >= ord("a"), codes - ord("a") + 10, codes - ord("0")), [-1, HEX_BYTES, 2])
    numbers = tf.clip_by_value(16 * values[..., 0] + values[..., 1], 0, 255)
    block = Files(joined(numbers), tf.minimum(digits.length // 2, HEX_BYTES))
    return _in_exif(block, tf.zeros_like(block.length), block.length)


def _in_exif(files: Files, start: Tensor, end: Tensor) -> Tensor:
    """The value of the entry, or NONE."""
    for _ in range(2):  # some programs write the prefix twice
        start = tf.where(says(files.take(start, len(PREFIX)), 0, PREFIX), start + len(PREFIX), start)
    head = files.take(start, 8)
    is_big, is_little = says(head, 0, b"MM"), says(head, 0, b"II")
    magic = says(head, 2, b"\0*") | says(head, 2, b"*\0")
    directory = start + tf.where(is_big, big(head, 4, 4), little(head, 4, 4))
    readable = (is_big | is_little) & magic & (start + 8 <= end) & (directory + 2 <= end)
    count = files.take(directory, 2)
    count = tf.where(is_big, big(count, 0, 2), little(count, 0, 2))
    entries = tf.reshape(files.take(directory + 2, 12 * ENTRIES), [-1, ENTRIES, 12])
    number = tf.range(ENTRIES, dtype=tf.int64)[tf.newaxis]
    there = (number < count[:, tf.newaxis]) & (directory[:, tf.newaxis] + 14 + 12 * number <= end[:, tf.newaxis])

    def value(read: object) -> Tensor:
        tag, kind, values = read(entries, 0, 2), read(entries, 2, 2), read(entries, 4, 4)  # type: ignore[operator]
        short, long = read(entries, 8, 2), read(entries, 8, 4)  # type: ignore[operator]
        number = tf.where(tf.equal(kind, SHORT), short, long)
        known = tf.equal(kind, SHORT) | tf.equal(kind, LONG)
        meant = there & tf.equal(tag, ORIENTATION) & known & tf.equal(values, 1)
        last = tf.argmax(tf.where(meant, tf.range(1, ENTRIES + 1)[tf.newaxis], 0), axis=1)
        return tf.where(tf.reduce_any(meant, axis=1), tf.gather(number, last, batch_dims=1), NONE)

    return tf.where(readable, tf.where(is_big, value(big), value(little)), NONE)


def _in_xmp(files: Files, start: Tensor, end: Tensor) -> Tensor:
    text = files.between(start, end)
    found = NONE * tf.ones_like(start)
    for value in range(2, 9):  # \C is any byte, also one that is no UTF-8
        says_so = tf.strings.regex_full_match(text, rf'\C*tiff:Orientation(="|>){value}\C*')
        found = tf.where(says_so, tf.constant(value, tf.int64), found)
    return found
