"""How regions are named, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.scenes import IGNORED, NOTHING, Marked
from components.fewshot.learners.detection.adam import descended
from components.fewshot.learners.detection.heads import against_background, directed, prototypes
from components.fewshot.learners.detection.transfer import PLACES, places


def test_prototypes_are_mean_directions():
    vectors = np.float32([[3, 0], [0, 5], [-2, 0]])
    found = np.array(prototypes(vectors, np.int32([0, 0, 2]), 3))
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5], [0, 0], [-1, 0]], atol=1e-6)


def test_logits_by_hand():
    directions = np.float32([[2, 0], [0, 0], [0, 1]])
    logits = against_background(np.float32([[[3, 4]]]), directions, np.float32(np.log(10)), np.float32([0.5]))
    np.testing.assert_allclose(np.array(logits)[0, 0, [0, 2, 3]], [6, 8, 5], rtol=1e-5)
    assert logits[0, 0, 1] < -1e8  # nothing is known of it


def test_a_likeness_is_lowered_and_the_background_is_not():
    directions, told = np.float32([[2, 0], [0, 0]]), (np.float32(np.log(10)), np.float32([0.5]))
    logits = against_background(np.float32([[3, 4], [1, 0]]), directions, *told, less=np.float32([[0.1], [0.4]]))
    np.testing.assert_allclose(np.array(logits)[:, [0, 2]], [[5, 5], [6, 5]], rtol=1e-5)
    assert (np.array(logits)[:, 1] < -1e8).all()


def test_no_gradient_is_lost_at_zero():
    start = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(start)
        value = tf.reduce_sum(directed(start))
    assert np.all(np.isfinite(tape.gradient(value, start)))


def test_adam_as_keras_has_it():
    import keras

    goal = np.float32([1.0, -2.0])
    variable = keras.Variable(np.zeros(2, np.float32))
    optimizer = keras.optimizers.Adam(0.1, epsilon=1e-8)
    for _ in range(20):
        optimizer.apply([2 * (variable.value - goal)], [variable])
    (found,) = descended(lambda at: tf.reduce_sum((at[0] - goal) ** 2), [tf.zeros(2)], 20, 0.1)
    np.testing.assert_allclose(found, variable.value, rtol=1e-4)


def test_places_beside_an_object_show_it_or_nothing():
    boxes = np.float32([[0.4, 0.4, 0.6, 0.6], [0.4, 0.55, 0.6, 0.75], [0.0, 0.0, 0.2, 0.2]])
    support = Marked(None, tf.constant(boxes), tf.constant([0, 0, 1]))
    near, shown = places(support, tf.constant([4, 5, 6]))
    assert near.shape == (3, len(PLACES), 4) and shown.shape == (3 * len(PLACES),)
    np.testing.assert_array_equal(near[:, 0], boxes)  # the first place of each is its own
    shown = np.array(shown).reshape(3, -1)
    np.testing.assert_array_equal(shown[:, 0], [4, 5, 6])
    # The place to the right of the first object shows the second, which is in the same image.
    assert shown[0, 5] == 5 and shown[2, 5] == NOTHING
    assert set(shown.ravel()) <= {4, 5, 6, NOTHING, IGNORED}


@pytest.mark.parametrize("length", [1e-3, 1e3])
def test_length_does_not_matter(length):
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(directed(vectors * length), directed(vectors), rtol=1e-4)
