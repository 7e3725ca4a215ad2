"""Matching networks: attention worked out by hand."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from components.fewshot.base_models.pure import PureModel
from components.fewshot.learners import LearnerChoice, Weights, build_learner


def test_attention_by_hand():
    """Cosines 1 and 0 at scale 2: attention e^2 / (e^2 + 1) to the class in the query's direction, however long it is."""
    inputs = keras.Input((1, 2, 1))
    base = PureModel(keras.Model(inputs, layers.Flatten()(inputs)))
    learner = build_learner(LearnerChoice(name="matching", settings={"scale": 2.0}), base, 2, 4)
    weights = Weights([], [], [])
    support = tf.reshape(tf.constant([[3.0, 0.0], [0.0, 0.5]]), (2, 1, 2, 1))
    state = learner.adapt(weights, support, tf.constant([0, 1]), 2)
    np.testing.assert_allclose(state["support"], [[1, 0, 1, 0], [0, 1, 0, 1]])
    logits = learner.predict(weights, state, tf.reshape(tf.constant([[9.0, 0.0]]), (1, 1, 2, 1)))
    np.testing.assert_allclose(np.exp(logits), [[0.880797, 0.119203]], atol=1e-6)


def test_two_images_of_a_class_share_its_attention():
    inputs = keras.Input((1, 2, 1))
    base = PureModel(keras.Model(inputs, layers.Flatten()(inputs)))
    learner = build_learner(LearnerChoice(name="matching", settings={"scale": 1.0}), base, 2, 4)
    support = tf.reshape(tf.constant([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), (3, 1, 2, 1))
    state = learner.adapt(Weights([], [], []), support, tf.constant([0, 1, 1]), 2)
    logits = learner.predict(Weights([], [], []), state, tf.ones((1, 1, 2, 1)))
    np.testing.assert_allclose(np.exp(logits), [[1 / 3, 2 / 3]], atol=1e-6)
