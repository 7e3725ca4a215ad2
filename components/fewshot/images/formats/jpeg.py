"""JPEG: markers, each followed by a segment, up to the start of the first scan. Source: ITU-T T.81."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.formats.exif import PREFIX, XMP_NAMESPACE
from components.fewshot.images.formats.header import Known, truncated
from components.fewshot.images.reading import Files, big, says, walk
from components.fewshot.tensors import Tensor

SIGNATURE = b"\xff\xd8\xff"
READ = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, each with Huffman codes
NO_FRAMES = (0xC4, 0xC8, 0xCC)
SCAN, END, APP1 = 0xDA, 0xD9, 0xE1
ALONE = (0x01, *range(0xD0, 0xD9))  # without a segment


class _Walk(NamedTuple):
    going: Tensor
    at: Tensor
    scanned: Tensor  # the first scan was met
    frame: Tensor  # int64 [B, 5]: its marker, precision, height, width and number of colours
    exif: Tensor  # int64 [B, 2]: start and end
    xmp: Tensor


def header(files: Files, mine: Tensor) -> Known:
    """What the headers of those files tell that are `mine` (bool [B])."""
    batch = tf.shape(mine)[0]
    no, nowhere = tf.zeros_like(mine), tf.zeros([batch, 2], tf.int64)
    start = tf.fill([batch], tf.constant(2, tf.int64))
    state = _Walk(mine, start, no, tf.zeros([batch, 5], tf.int64), nowhere, nowhere)
    done = walk(state, lambda state: _step(files, state))
    marker, precision, height, width, colours = (done.frame[:, field] for field in range(5))
    reason = tf.where(done.scanned & (marker > 0), "", truncated("JPEG"))
    kind = tf.strings.join(["a JPEG of an unusual kind (", tf.strings.as_string(precision), " bits a sample"])
    kind = tf.strings.join([kind, tf.where(_one_of(marker, READ), ")", ", lossless or with arithmetic codes)")])
    refused = tf.strings.join([kind, " is not read: save it as an ordinary JPEG or as PNG"])
    usual = _one_of(marker, READ) & tf.equal(precision, 8)
    reason = tf.where(tf.equal(reason, "") & ~usual, refused, reason)
    return Known(
        height=height,
        width=width,
        reason=reason,
        exif=done.exif,
        xmp=done.xmp,
        cmyk=tf.equal(colours, 4),
    )


def _step(files: Files, state: _Walk) -> _Walk:
    """Looks at one marker, or passes a byte that belongs to none, as libjpeg does."""
    head = files.take(state.at, 4 + len(XMP_NAMESPACE))
    marker, size = head[:, 1], big(head, 2, 2)
    is_marker = tf.equal(head[:, 0], 0xFF) & (marker > 0) & (marker < 0xFF)
    alone = ~is_marker | _one_of(marker, ALONE)
    scanned = is_marker & tf.equal(marker, SCAN)
    end = state.at + 2 + size
    frame = tf.stack([marker, head[:, 4], big(head, 5, 2), big(head, 7, 2), head[:, 9]], axis=1)
    is_frame = is_marker & (marker >= 0xC0) & (marker <= 0xCF) & ~_one_of(marker, NO_FRAMES)
    is_frame &= tf.equal(state.frame[:, 0], 0)
    app1 = is_marker & tf.equal(marker, APP1)

    def first(found: Tensor, before: Tensor, prefix: bytes) -> Tensor:
        block = tf.stack([state.at + 4 + len(prefix), end], axis=1)
        return tf.where((found & says(head, 4, prefix) & tf.equal(before[:, 1], 0))[:, tf.newaxis], block, before)

    stops = scanned | (is_marker & (tf.equal(marker, END) | (~alone & (size < 2)))) | (state.at >= files.length)
    return _Walk(
        going=~stops,
        at=tf.where(alone, state.at + tf.where(is_marker, tf.constant(2, tf.int64), 1), end),
        scanned=scanned,
        frame=tf.where(is_frame[:, tf.newaxis], frame, state.frame),
        exif=first(app1, state.exif, PREFIX),
        xmp=first(app1, state.xmp, XMP_NAMESPACE),
    )


def _one_of(numbers: Tensor, values: tuple[int, ...]) -> Tensor:
    return tf.reduce_any(tf.equal(numbers[:, tf.newaxis], tf.constant(values, tf.int64)), axis=1)
