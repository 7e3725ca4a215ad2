"""Image files as a viewer shows them, for those who look at files one by one: ingest and the report."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from components.fewshot.images.decode import READERS, UNDECODABLE, reader_of, refusal
from components.fewshot.images.formats.header import Header
from components.fewshot.images.gate import FORMATS, MAX_PIXELS, examine
from components.fewshot.tensors import Tensor

FLAGS = ("exif_rotated", "cmyk", "sixteen_bit", "palette", "alpha", "animated")
BATCH = 64  # headers that are read at once

NOTHING = np.zeros((0, 0, 1), np.uint8)
Made = TypeVar("Made")


@partial(tf.function, autograph=False, input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int64)])
def _examine(encoded: Tensor, max_pixels: Tensor) -> tuple[Tensor, Tensor, Header]:
    """The number of each format and of the reader for it, and the headers."""
    kind, header = examine(encoded, max_pixels)
    return kind, reader_of(kind, header), header


class Seen(NamedTuple):
    """An image file: refused for a `reason`, or shown as `pixels` uint8 [H, W, 1 or 3]; those of FLAGS that apply."""

    reason: str
    format: str = ""
    pixels: np.ndarray = NOTHING
    flags: tuple[str, ...] = ()


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
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(encoded), BATCH):
            kinds, readers, headers = _examine(tf.constant(encoded[start : start + BATCH], tf.string), limit)
            each = map(Header._make, zip(*map(tf.unstack, headers), strict=True))
            batch = range(start, start + BATCH), tf.unstack(kinds), readers.numpy(), each
            made += pool.map(lambda number, *one: use(number, _see(*one)), *batch)
    return made


def _see(kind: Tensor, reader: int, header: Header) -> Seen:
    reason = header.reason.numpy().decode()
    if reason:
        return Seen(reason)
    try:
        pixels = _compiled(int(reader))(kind, header).numpy()
    except tf.errors.InvalidArgumentError as error:
        return Seen(refusal(error) or UNDECODABLE)
    applies = {name: bool(getattr(header, name)) for name in FLAGS[1:]} | {"exif_rotated": int(header.orientation) != 1}
    return Seen("", FORMATS[int(kind)], pixels, tuple(flag for flag in FLAGS if applies[flag]))


@cache
def _compiled(reader: int) -> Callable[[Tensor, Header], Tensor]:
    """The graph of a reader; it is traced once, with the types that `examine` gives."""
    kind, _, header = tf.nest.map_structure(
        lambda spec: tf.TensorSpec(spec.shape[1:], spec.dtype), _examine.get_concrete_function().structured_outputs
    )
    return tf.function(READERS[reader], autograph=False, input_signature=[kind, Header._make(header)])
