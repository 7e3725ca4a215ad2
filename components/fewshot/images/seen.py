"""Image files as a viewer shows them, for those who look at files one by one: ingest and the report."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf
from cachetools import cached

from components.fewshot.images.decode import READERS, UNDECODABLE, reader_of, refusal
from components.fewshot.images.formats.header import Header
from components.fewshot.images.gate import FORMATS, MAX_PIXELS, examine
from components.fewshot.tensors import Tensor

FLAGS = ("exif_rotated", "cmyk", "sixteen_bit", "palette", "alpha", "animated")
BATCH = 64  # headers that are read at once

NOTHING = np.zeros((0, 0, 1), np.uint8)
Made = TypeVar("Made")


@partial(tf.function, autograph=False, input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int64)])
def _examine(encoded: Tensor, max_pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Header]:
    """The number of each format and of the reader for it, the numbers of each header in a row, and the headers."""
    kind, header = examine(encoded, max_pixels)
    return kind, reader_of(kind, header), header.packed(), header


class Seen(NamedTuple):
    """An image file: refused for a `reason`, or shown as `pixels` uint8 [H, W, 1 or 3]; those of FLAGS that apply, and its EXIF
    orientation, 1 to 8."""

    reason: str
    format: str = ""
    pixels: np.ndarray = NOTHING
    flags: tuple[str, ...] = ()
    orientation: int = 1

    @property
    def stored(self) -> tuple[int, int]:
        """Height and width as stored, before EXIF turns it."""
        height, width = self.pixels.shape[:2]
        return (width, height) if self.orientation >= 5 else (height, width)


def see(encoded: Sequence[bytes], use: Callable[[int, Seen], Made], max_pixels: int = MAX_PIXELS) -> list[Made]:
    """Looks at image files as training and the served model do.

    Args:
      encoded: their content.
      use: makes something of the number of a file and of what is seen. Several threads call it; the pixels of an image are in
        memory only meanwhile, unless it keeps them.
      max_pixels: the largest height x width.

    Returns:
      What `use` made of each file, in order.
    """
    made: list[Made] = []
    limit = tf.constant(max_pixels, tf.int64)
    for start in range(0, len(encoded), BATCH):
        kinds, readers, numbers, headers = _examine(tf.constant(encoded[start : start + BATCH], tf.string), limit)
        given = zip(*map(tf.unstack, (kinds, headers.content, numbers)), strict=True)
        batch = range(start, start + BATCH), _told(kinds, headers), readers.numpy(), given
        made += _threads().map(lambda number, *one: use(number, _see(*one)), *batch)
    return made


@cache
def _threads() -> ThreadPoolExecutor:
    """Of this process, for starting them takes as long as reading some small pictures."""
    return ThreadPoolExecutor(thread_name_prefix="see")


def _told(kinds: Tensor, headers: Header) -> Iterator[Seen]:
    """Yields what the headers tell of each image. A whole batch becomes numbers of Python at once, which is faster."""
    applies = {name: getattr(headers, name).numpy() for name in FLAGS[1:]}
    orientations = headers.orientation.numpy().tolist()
    applies["exif_rotated"] = headers.orientation.numpy() != 1
    for number, (kind, reason) in enumerate(zip(kinds.numpy(), headers.reason.numpy(), strict=True)):
        if reason:
            yield Seen(reason.decode())
        else:
            flags = tuple(flag for flag in FLAGS if applies[flag][number])
            yield Seen("", FORMATS[kind], flags=flags, orientation=orientations[number])


def _see(told: Seen, reader: int, given: tuple[Tensor, Tensor, Tensor]) -> Seen:
    if told.reason:
        return told
    try:
        return told._replace(pixels=_compiled(int(reader))(*given).numpy())
    except tf.errors.InvalidArgumentError as error:
        return Seen(refusal(error) or UNDECODABLE)


@cached({}, condition=threading.Condition())  # traced once, however many threads meet a reader first
def _compiled(reader: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The graph of a reader, from the number of a format, the content and the numbers of one header."""

    def read(kind: Tensor, content: Tensor, numbers: Tensor) -> Tensor:
        return READERS[reader](kind, Header.unpacked(content, numbers))

    specs = [tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.string), tf.TensorSpec([None], tf.int64)]
    return tf.function(read, autograph=False, input_signature=specs).get_concrete_function()
