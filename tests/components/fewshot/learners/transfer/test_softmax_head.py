"""Transfer learning: its new head is the optimum of the function it names."""

import numpy as np
import tensorflow as tf

from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import BaseModelSettings, build_base_model
from components.fewshot.episodes.task import Batch
from components.fewshot.learners import LearnerChoice, build_learner
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


def test_a_cosine_head_begins_with_the_class_means():
    """Features (3, 4), (0, 2) and (5, 0) of classes 0, 0 and 1: the logits are 10 times the cosines to (0.6, 1.8) and (1, 0)."""
    base = PureModel(build_base_model(BaseModelSettings(name="pixels"), (1, 2, 1)))
    learner = build_learner(LearnerChoice(name="transfer", settings={"classifier": "cosine"}), base, None, 2)
    vectors, labels = np.array([[3.0, 4.0], [0.0, 2.0], [5.0, 0.0]]), np.array([0, 0, 1])
    learner.observe(vectors, labels)
    images = tf.constant(vectors.reshape(3, 1, 2, 1), tf.float32)
    _, aux = learner.loss(learner.values(), Batch(images, tf.constant(labels, tf.int32)))
    means = np.array([[0.6, 1.8], [1.0, 0.0]])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(aux.logits, 10 * unit @ means.T, rtol=1e-5)
