"""Reads numbers out of encoded files inside a graph, at a place of its own in each file of a batch.

A walk from block to block through 256 files costs as many operations as one through a single file, so a header costs nothing
beside the decoding of the picture. Places and numbers are int64 [B]; a place beyond the end of a file reads as zeros.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import tensorflow as tf

from components.fewshot.tensors import Tensor

MAX_BLOCKS = 100_000  # of a file; more are an attempt to keep the reader busy

State = TypeVar("State", bound=tuple[Tensor, ...])

_BYTES = [bytes([value]) for value in range(256)]


class Files(NamedTuple):
    """Encoded files: their content (string [B]) and its length in bytes (int64 [B])."""

    content: Tensor
    length: Tensor

    @classmethod
    def of(cls, content: Tensor) -> "Files":
        """The files with this content."""
        return cls(content, tf.cast(tf.strings.length(content), tf.int64))

    def take(self, at: Tensor, count: int) -> Tensor:
        """The `count` bytes at `at` as int64 [B, count]."""
        at = tf.clip_by_value(at, 0, self.length)
        piece = tf.strings.substr(self.content, at, tf.fill(tf.shape(at), tf.constant(count, tf.int64)))
        return tf.cast(tf.io.decode_raw(piece, tf.uint8, fixed_length=count), tf.int64)

    def head(self, count: int) -> Tensor:
        """The first `count` bytes as int64 [B, count]."""
        return self.take(tf.zeros_like(self.length), count)

    def between(self, start: Tensor, end: Tensor) -> Tensor:
        """The bytes from `start` up to `end` as string [B]."""
        start = tf.clip_by_value(start, 0, self.length)
        return tf.strings.substr(self.content, start, tf.maximum(end - start, 0))

    def patched(self, at: Tensor, values: Tensor, where: Tensor) -> "Files":
        """The files with the bytes `values` (int64 [B, n]) at `at` in those for which `where` (bool [B]) holds."""
        size = tf.cast(tf.shape(values)[1], tf.int64)
        parts = [self.between(tf.zeros_like(at), at), joined(values), self.between(at + size, self.length)]
        whole = tf.strings.join(parts)
        return self._replace(content=tf.where(where, whole, self.content))


def joined(values: Tensor) -> Tensor:
    """Bytes as numbers (int64 [B, n]) to string [B]."""
    return tf.strings.reduce_join(tf.gather(tf.constant(_BYTES), values), axis=1)


def big(numbers: Tensor, at: int, count: int) -> Tensor:
    """The number in `count` bytes of int64 [..., n] from `at` on, most significant first."""
    return _number(numbers, at, [256**power for power in range(count - 1, -1, -1)])


def little(numbers: Tensor, at: int, count: int) -> Tensor:
    """The number in `count` bytes of int64 [..., n] from `at` on, least significant first."""
    return _number(numbers, at, [256**power for power in range(count)])


def says(numbers: Tensor, at: int, text: bytes) -> Tensor:
    """Whether the bytes of int64 [..., n] from `at` on are `text`; bool [...]."""
    return tf.reduce_all(tf.equal(numbers[..., at : at + len(text)], tf.constant(list(text), tf.int64)), axis=-1)


def walk(state: State, step: Callable[[State], State]) -> State:
    """Repeats `step` until no file of the batch goes on.

    Args:
      state: a NamedTuple of tensors [B, ...]; its first field `going` (bool [B]) says whose walk goes on.
      step: from a state to the next, for all files. What it says of files that do not go on is not used.
    """
    kind = type(state)

    def body(*parts: Tensor) -> tuple[Tensor, ...]:
        then = step(kind(*parts))
        return tuple(tf.where(_like(parts[0], new), new, old) for new, old in zip(then, parts, strict=True))

    shapes = tuple(tf.TensorShape([None, *part.shape[1:]]) for part in state)
    done = tf.while_loop(
        lambda going, *_: tf.reduce_any(going), body, tuple(state), shapes, maximum_iterations=MAX_BLOCKS
    )
    return kind(*done)


def _number(numbers: Tensor, at: int, weights: list[int]) -> Tensor:
    return tf.reduce_sum(numbers[..., at : at + len(weights)] * tf.constant(weights, tf.int64), axis=-1)


def _like(flag: Tensor, value: Tensor) -> Tensor:
    return tf.reshape(flag, [-1, *[1] * (len(value.shape) - 1)])
