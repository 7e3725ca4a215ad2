"""Pixels as a feature of an example, which holds no uint8: int64 numbers, of eight bytes each.

A graph writes and reads a whole batch of them at once, where `tf.io.serialize_tensor` and `tf.io.parse_tensor` take one image.
They are as large as the pixels.
"""

import math

import tensorflow as tf

from components.fewshot.tensors import Images, Tensor

BYTES = 8  # of a number


def to_feature(pixels: Images) -> Tensor:
    """Images (uint8 [B, H, W, C] of known H, W, C) as numbers: int64 [B, n]."""
    size = pixels.shape[1:].num_elements()
    flat = tf.pad(tf.reshape(pixels, [-1, size]), [[0, 0], [0, -size % BYTES]])
    return tf.bitcast(tf.reshape(flat, [-1, flat.shape[1] // BYTES, BYTES]), tf.int64)


def from_feature(numbers: Tensor, shape: tuple[int, int, int]) -> Images:
    """The images of `shape` [H, W, C] that `to_feature` made numbers of: uint8 [B, H, W, C]."""
    size = math.prod(shape)
    flat = tf.reshape(tf.bitcast(numbers, tf.uint8), [-1, size + -size % BYTES])
    return tf.reshape(flat[:, :size], [-1, *shape])
