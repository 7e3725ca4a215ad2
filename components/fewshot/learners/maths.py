"""Mathematics that several learners share."""

import keras
from keras import ops

from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way


def cross_entropy(logits: Logits, targets: Tensor) -> Scalar:
    """Mean cross-entropy of logits [Q, way] against targets: labels [Q], or shares of the classes [Q, way].

    Rows that are labelled -1 or have no shares do not count.
    """
    shares = shares_of(targets, ops.shape(logits)[-1], logits.dtype)
    known = ops.cast(labels_of(targets) >= 0, logits.dtype)
    return -ops.sum(shares * ops.log_softmax(logits)) / ops.maximum(ops.sum(known), 1.0)


def shares_of(targets: Tensor, way: Way, dtype: str) -> Tensor:
    """Targets as shares of the classes [Q, way]; a label [Q] is the whole of its class."""
    return one_hot(targets, way, dtype) if len(targets.shape) == 1 else ops.cast(targets, dtype)


def labels_of(targets: Tensor) -> Labels:
    """Targets as labels [Q]: of shares [Q, way] the class with the largest, -1 where all are zero."""
    if len(targets.shape) == 1:
        return targets
    return ops.where(ops.max(targets, axis=1) > 0, ops.argmax(targets, axis=1), -1)


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
