"""Pixels as a feature of an example: int64 numbers, first height, width and channels, then eight bytes in each.

A graph writes and reads a whole batch of them at once, where `tf.io.serialize_tensor` and `tf.io.parse_tensor` take one image. In
memory they are as large as the pixels, and in a file, before it is compressed, up to a quarter larger.
"""

import math
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from components.fewshot.tensors import Images, Tensor

HEAD = 3  # height, width, channels
BYTES = 8  # of a number


def to_feature(pixels: Images) -> Tensor:
    """Images (uint8 [B, H, W, C] of known H, W, C) as numbers: int64 [B, n]."""
    shape = pixels.shape[1:]
    size = shape.num_elements()
    flat = tf.pad(tf.reshape(pixels, [-1, size]), [[0, 0], [0, -size % BYTES]])
    numbers = tf.bitcast(tf.reshape(flat, [-1, flat.shape[1] // BYTES, BYTES]), tf.int64)
    head = tf.fill([tf.shape(pixels)[0], 1], tf.constant(1, tf.int64)) * tf.constant(shape.as_list(), tf.int64)
    return tf.concat([head, numbers], axis=1)


def from_feature(numbers: Tensor, shape: tuple[int, int, int]) -> Images:
    """The images of `shape` [H, W, C] that `to_feature` made numbers of: uint8 [B, H, W, C]."""
    size = math.prod(shape)
    flat = tf.reshape(tf.bitcast(numbers[:, HEAD:], tf.uint8), [-1, size + -size % BYTES])
    return tf.reshape(flat[:, :size], [-1, *shape])


def pixels_of(numbers: Iterable[int]) -> np.ndarray:
    """The image whose numbers these are, with the shape that they name: uint8 [H, W, C]."""
    found = np.fromiter(numbers, np.int64)
    shape = tuple(map(int, found[:HEAD]))
    return found[HEAD:].view(np.uint8)[: math.prod(shape)].reshape(shape)
