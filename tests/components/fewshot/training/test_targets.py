"""Soft targets, worked out by hand; what cross-entropy and hit rate make of them."""

import keras
import numpy as np
import tensorflow as tf

from components.fewshot.episodes.task import Batch
from components.fewshot.learners.maths import cross_entropy, labels_of
from components.fewshot.training.step import hit_rate
from components.fewshot.training.targets import mixed, mixed_up, smoothed

IMAGES = tf.constant(np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1))


def test_smoothing():
    found = smoothed(tf.constant([1, -1]), 4, 0.2)
    np.testing.assert_allclose(found, [[0.05, 0.85, 0.05, 0.05], [0, 0, 0, 0]], atol=1e-7)


def test_two_images_mixed():
    batch = mixed(Batch(IMAGES, tf.constant([0, 2])), 3, tf.constant([0.75, 0.9]))
    np.testing.assert_allclose(np.ravel(batch.images), [0.25, 0.9], rtol=1e-6)
    np.testing.assert_allclose(batch.targets, [[0.75, 0, 0.25], [0.1, 0, 0.9]], rtol=1e-6)


def test_smoothed_targets_are_mixed_as_they_are():
    targets = smoothed(tf.constant([0, 1]), 2, 0.5)
    batch = mixed(Batch(IMAGES, targets), 2, tf.constant([0.5, 1.0]))
    np.testing.assert_allclose(batch.targets, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)


def test_mixup_draws_from_a_beta_distribution():
    """Of an image of ones after one of zeros the share is the value: mean 1/2, variance 1 / (4 (2 alpha + 1))."""
    images = tf.constant(np.tile(np.array([0, 1], np.float32), 5000).reshape(-1, 1, 1, 1))
    batch = Batch(images, tf.zeros(10000, tf.int32))
    for alpha in (0.2, 2.0):
        shares = np.ravel(mixed_up(batch, 1, alpha, tf.constant([0, 7], tf.int64)).images)[1::2]
        assert abs(shares.mean() - 0.5) < 0.02
        assert abs(shares.var() * 4 * (2 * alpha + 1) - 1) < 0.1
    tiny = mixed_up(batch, 1, 1e-3, tf.constant([0, 7], tf.int64)).images
    assert np.isfinite(tiny).all(), "both gamma variables are zero"


def test_cross_entropy_of_shares():
    logits = tf.constant(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))
    labels = tf.constant([2, -1, 0])
    hard = keras.ops.one_hot(labels, 4)
    np.testing.assert_array_equal(cross_entropy(logits, labels), cross_entropy(logits, hard))
    log = np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    soft = smoothed(labels, 4, 0.2)
    expected = -(0.8 * (log[0, 2] + log[2, 0]) + 0.05 * (log[0].sum() + log[2].sum())) / 2
    np.testing.assert_allclose(cross_entropy(logits, soft), expected, rtol=1e-5)


def test_the_largest_share_is_the_label():
    shares = tf.constant([[0.4, 0.6], [0.0, 0.0], [0.9, 0.1]])
    assert labels_of(shares).numpy().tolist() == [1, -1, 0]
    assert float(hit_rate(tf.constant([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), shares)) == 0.5
