"""Transfer learning: its new head is the optimum of the function it names."""

import numpy as np
import tensorflow as tf

from components.fewshot.learners.maths import unit_length
from components.fewshot.learners.transfer.softmax_head import softmax_regression


def test_unit_by_hand():
    assert np.array(unit_length(tf.constant([[3.0, 4], [0, 0]]))).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]


def test_softmax_regression_is_at_the_minimum():
    rng = np.random.default_rng(0)
    features = np.array(unit_length(tf.constant(rng.standard_normal((12, 5)), tf.float32)))
    labels = np.repeat([0, 1, 2], 4)
    l2 = 0.01
    kernel = np.array(softmax_regression(tf.constant(features), tf.constant(labels, tf.int32), 3, 300, l2))
    logits = features @ kernel
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = features.T @ (p - np.eye(3)[labels]) / 12 + l2 * kernel
    assert np.abs(gradient).max() < 1e-5 and np.abs(kernel).max() > 1
