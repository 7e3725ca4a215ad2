"""GIF: of an animation, the first frame is the picture. Source: GIF89a specification.

TensorFlow's decoder draws transparent pixels black, loses parts of a frame that does not begin at the upper left, and reads all
frames and extensions. So it gets a file of its own: only the first frame, at the upper left, without the extension that makes a
colour transparent, and with white in its place in the palette.
"""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.formats.header import Known, truncated
from components.fewshot.images.reading import Files, little, walk
from components.fewshot.tensors import Tensor

SIGNATURE = b"GIF8"
EXTENSION, FRAME = 0x21, 0x2C
CONTROL = 0xF9  # the extension that says which colour is transparent
WHITE = (255, 255, 255)


class _Walk(NamedTuple):
    going: Tensor
    at: Tensor
    in_blocks: Tensor  # within the data of an extension or a frame, which come in blocks of up to 255 bytes
    control: Tensor  # place of the control extension of the first frame, or 0
    frame: Tensor  # place of the first frame, or 0
    end: Tensor  # place after it, or 0
    animated: Tensor


def header(files: Files, mine: Tensor) -> Known:
    """What the headers of those files tell that are `mine` (bool [B])."""
    head = files.head(13)
    start = 13 + _table_bytes(head[:, 10])
    no, nowhere = tf.zeros_like(mine), tf.zeros_like(start)
    state = _Walk(mine, start, no, nowhere, nowhere, nowhere, no)
    done = walk(state, lambda state: _step(files, state))
    frame, control = files.take(done.frame, 10), files.take(done.control, 7)
    left, top, width, height = (tf.where(done.frame > 0, little(frame, at, 2), 0) for at in (1, 3, 5, 7))
    has_clear = (done.control > 0) & (control[:, 3] % 2 > 0)
    has_own_table = frame[:, 9] >= 0x80
    table = tf.where(has_own_table, done.frame + 10, tf.fill(tf.shape(start), tf.constant(13, tf.int64)))
    ground = tf.where(has_clear[:, tf.newaxis], tf.constant(WHITE, tf.int64), files.take(table, 3))
    whole = mine & (done.end > 0)
    first = files.patched(table + 3 * control[:, 6], tf.ones_like(frame[:, :3]) * 255, whole & has_clear)
    first = first.patched(done.frame + 1, tf.zeros_like(frame[:, :4]), whole)
    content = tf.strings.join([first.between(nowhere, start), first.between(done.frame, done.end), ";"])
    return Known(
        height=tf.maximum(little(head, 8, 2), top + height),
        width=tf.maximum(little(head, 6, 2), left + width),
        reason=tf.where(whole, "", truncated("GIF")),
        alpha=has_clear,
        animated=done.animated,
        content=content,
        place=tf.stack([top, left, height, width], axis=1),
        ground=ground,
    )


def _step(files: Files, state: _Walk) -> _Walk:
    """Looks at one extension, frame or block of data."""
    head = files.take(state.at, 10)
    size = head[:, 0]
    last = state.in_blocks & tf.equal(size, 0)
    extends, draws = (~state.in_blocks & tf.equal(size, kind) for kind in (EXTENSION, FRAME))
    again = draws & (state.frame > 0)
    controls = extends & tf.equal(head[:, 1], CONTROL) & tf.equal(state.frame, 0)
    step = tf.where(draws, 11 + _table_bytes(head[:, 9]), tf.where(extends, tf.constant(2, tf.int64), size + 1))
    inside = state.at + step <= files.length
    return _Walk(
        going=inside & (state.in_blocks | extends | draws) & ~again,
        at=state.at + step,
        in_blocks=(state.in_blocks & ~last) | extends | draws,
        control=tf.where(controls, state.at, state.control),
        frame=tf.where(draws & ~again, state.at, state.frame),
        end=tf.where(last & inside & (state.frame > 0) & tf.equal(state.end, 0), state.at + 1, state.end),
        animated=state.animated | again,
    )


def _table_bytes(flags: Tensor) -> Tensor:
    size = 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), tf.bitwise.bitwise_and(flags, 7))
    return tf.where(flags >= 0x80, size, 0)
