"""PNG: signature, then chunks of length, type, content and checksum. Source: PNG specification, third edition (W3C)."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.formats.header import Known, truncated
from components.fewshot.images.reading import Files, big, says, walk
from components.fewshot.tensors import Tensor

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE, ALPHA = 3, 4  # colour type; a bit of it
XMP, HEXED = b"XML:com.adobe.xmp\0", b"Raw profile type exif\0"  # keywords of texts


class _Walk(NamedTuple):
    going: Tensor
    at: Tensor
    ended: Tensor
    keyed: Tensor
    animated: Tensor
    exif: Tensor  # int64 [B, 2]: start and end
    xmp: Tensor
    hexed: Tensor  # EXIF as ImageMagick writes it into a text


def header(files: Files, mine: Tensor) -> Known:
    """What the headers of those files tell that are `mine` (bool [B])."""
    head = files.head(26)
    depth, colour = head[:, 24], head[:, 25]
    no, nowhere = tf.zeros_like(mine), tf.zeros([tf.shape(mine)[0], 2], tf.int64)
    start = tf.fill(tf.shape(mine), tf.constant(len(SIGNATURE), tf.int64))
    has_header = says(head, 12, b"IHDR")
    done = walk(
        _Walk(mine & has_header, start, no, no, no, nowhere, nowhere, nowhere), lambda state: _step(files, state)
    )
    reason = tf.where(has_header, "", "not an image, or its header is damaged")
    reason = tf.where(has_header & ~done.ended, truncated("PNG"), reason)
    return Known(
        height=tf.where(has_header, big(head, 20, 4), 0),
        width=tf.where(has_header, big(head, 16, 4), 0),
        reason=reason,
        exif=done.exif,
        xmp=done.xmp,
        hexed=done.hexed,
        sixteen_bit=tf.equal(depth, 16),
        palette=tf.equal(colour, PALETTE),
        alpha=done.keyed | (tf.bitwise.bitwise_and(colour, ALPHA) > 0),
        animated=done.animated,
        keyed=done.keyed,
    )


def _step(files: Files, state: _Walk) -> _Walk:
    """Looks at one chunk."""
    head = files.take(state.at, 8 + len(HEXED))
    start = state.at + 8
    end = start + big(head, 0, 4)
    block = tf.stack([start, end], axis=1)
    whole = end + 4 <= files.length  # a checksum follows
    ended = says(head, 4, b"IEND") & whole
    return _Walk(
        going=whole & ~ended,
        at=end + 4,
        ended=ended,
        keyed=state.keyed | says(head, 4, b"tRNS"),
        animated=state.animated | says(head, 4, b"acTL"),
        exif=tf.where(says(head, 4, b"eXIf")[:, tf.newaxis], block, state.exif),
        xmp=tf.where(says(head, 4, b"iTXt" + XMP)[:, tf.newaxis], block, state.xmp),
        hexed=tf.where(says(head, 4, b"tEXt" + HEXED)[:, tf.newaxis], block, state.hexed),
    )
