"""WebP: a RIFF container whose first chunk is lossy, lossless or says what follows. Source: RFC 9649."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.formats.header import Known, truncated
from components.fewshot.images.reading import Files, little, says, walk
from components.fewshot.tensors import Tensor

ANIMATION, ALPHA = 0x02, 0x10  # flags of the extended header
MOVES = "an animated WebP is not read: save it as GIF, or one frame as PNG"


class _Walk(NamedTuple):
    going: Tensor
    at: Tensor
    exif: Tensor  # int64 [B, 2]: start and end
    xmp: Tensor


def header(files: Files, mine: Tensor) -> Known:
    """What the headers of those files tell that are `mine` (bool [B])."""
    head = files.head(30)
    extended, lossless, lossy = (says(head, 12, kind) for kind in (b"VP8X", b"VP8L", b"VP8 "))
    packed = little(head, 21, 4)
    width = tf.where(
        extended, 1 + little(head, 24, 3), tf.where(lossless, 1 + packed % 2**14, little(head, 26, 2) % 2**14)
    )
    height = tf.where(lossless, 1 + packed // 2**14 % 2**14, little(head, 28, 2) % 2**14)
    height = tf.where(extended, 1 + little(head, 27, 3), height)
    flags = tf.where(extended, head[:, 20], 0)
    moves = tf.bitwise.bitwise_and(flags, ANIMATION) > 0
    nowhere = tf.zeros([tf.shape(mine)[0], 2], tf.int64)
    start = tf.fill(tf.shape(mine), tf.constant(12, tf.int64))
    done = walk(_Walk(mine & extended, start, nowhere, nowhere), lambda state: _step(files, state))
    whole = (little(head, 4, 4) + 8 <= files.length) & (files.length >= 30)
    reason = tf.where(whole, tf.where(moves, MOVES, ""), truncated("WebP"))
    reason = tf.where(extended | lossless | lossy, reason, "not an image, or its header is damaged")
    return Known(
        height=height,
        width=width,
        reason=reason,
        exif=done.exif,
        xmp=done.xmp,
        alpha=(tf.bitwise.bitwise_and(flags, ALPHA) > 0) | (lossless & (packed // 2**28 % 2 > 0)),
        animated=moves,
    )


def _step(files: Files, state: _Walk) -> _Walk:
    """Looks at one chunk."""
    head = files.take(state.at, 8)
    start, size = state.at + 8, little(head, 4, 4)
    end = tf.minimum(start + size, files.length)
    block = tf.stack([start, end], axis=1)
    return _Walk(
        going=start + size + size % 2 < files.length,
        at=start + size + size % 2,
        exif=tf.where(says(head, 0, b"EXIF")[:, tf.newaxis], block, state.exif),
        xmp=tf.where(says(head, 0, b"XMP ")[:, tf.newaxis], block, state.xmp),
    )
