"""Mathematics that several learners share."""

import keras
from keras import ops

from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way


def cross_entropy(logits: Logits, labels: Labels) -> Scalar:
    """Mean cross-entropy of logits [Q, way] against labels [Q]; rows labelled -1 do not count."""
    way = ops.shape(logits)[-1]
    hit = one_hot(labels, way, logits.dtype)
    known = ops.cast(labels >= 0, logits.dtype)
    return -ops.sum(hit * ops.log_softmax(logits)) / ops.maximum(ops.sum(known), 1.0)


def class_means(vectors: Vectors, labels: Labels, way: Way) -> Tensor:
    """Mean of the feature vectors [S, D] of each class, [way, D]."""
    hit = ops.cast(ops.expand_dims(ops.arange(way, dtype=labels.dtype), 1) == labels, vectors.dtype)
    return ops.matmul(hit, vectors) / ops.sum(hit, axis=1, keepdims=True)


def unit_length(vectors: Vectors) -> Vectors:
    """Feature vectors [B, D], each divided by its length."""
    return vectors / ops.maximum(ops.norm(vectors, axis=1, keepdims=True), 1e-8)


def one_hot(labels: Labels, way: Way, dtype: str) -> Tensor:
    """Labels [S] as rows [S, way] of 0 and 1; a label of -1 is a row of zeros."""
    return ops.cast(ops.expand_dims(labels, 1) == ops.arange(way, dtype=labels.dtype), dtype)


def linear_head(features: int, classes: int, seed: int) -> list[keras.Variable]:
    """Kernel [features, classes] and bias [classes] of a linear classifier."""
    kernel = keras.Variable(keras.initializers.GlorotUniform(seed), shape=(features, classes), name="head_kernel")
    return [kernel, keras.Variable(ops.zeros(classes), name="head_bias")]
