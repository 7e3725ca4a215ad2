"""The fused operation and simple ones agree: outputs, moments, and derivatives of the first and second order."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from components.fewshot.base_models import batch_norm
from components.fewshot.base_models.pure import PureModel

MODES = {"stored": (False, False), "batch": (True, False), "kept": (True, True)}


def small_model(**settings) -> PureModel:
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((4, 4, 2))
    for _ in range(2):
        x = layers.Activation("softplus")(layers.BatchNormalization(**settings)(layers.Conv2D(3, 3)(x)))
        x = layers.ZeroPadding2D(1)(x)
    return PureModel(keras.Model(inputs, x))


def weights_of(pure: PureModel) -> tuple[list, list]:
    model = pure.model
    return [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]


def slope_of_slope(pure: PureModel, mode: str) -> list[np.ndarray]:
    """Features, state, and the gradient of a squared gradient, through a second batch met by the state of the first."""
    statistics, exactly = MODES[mode]
    rng = np.random.default_rng(0)
    first, second = (tf.constant(rng.standard_normal((6, 4, 4, 2)), tf.float32) for _ in range(2))
    weights = [tf.convert_to_tensor(v.value) for v in pure.model.trainable_variables]
    state = [tf.convert_to_tensor(v.value) + 0.5 for v in pure.model.non_trainable_variables]
    with tf.GradientTape() as outer:
        outer.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            (_, features), after = pure(
                weights, state, first, training=True, batch_statistics=statistics, keep_exactly=exactly
            )
            (_, features2), _ = pure(weights, after, second, training=True, batch_statistics=not exactly and statistics)
            loss = tf.reduce_sum(tf.square(features)) + tf.reduce_sum(tf.sin(features2))
        gradients = inner.gradient(loss, weights)
        steepness = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients]) / 1e4
    return [np.asarray(t) for t in (features, features2, *after, *gradients, *outer.gradient(steepness, weights))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("settings", [{}, {"scale": False, "center": False}], ids=["scaled", "plain"])
def test_fused_is_what_simple_operations_do(mode, settings, monkeypatch):
    pure = small_model(**settings)
    fused = slope_of_slope(pure, mode)
    monkeypatch.setattr(batch_norm, "_is_plain", lambda layer: False)
    plain = slope_of_slope(pure, mode)
    for one, other in zip(fused, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3 * max(1.0, np.abs(other).max()))
    assert max(np.abs(g).max() for g in fused[-4:]) > 0.01, "a second derivative of zero proves nothing"


def test_values_by_hand():
    """Mean 1 and 2, variance 1 and 4: normalised to -1 and 1 where epsilon is next to nothing."""
    inputs = keras.Input((2,))
    pure = PureModel(keras.Model(inputs, layers.BatchNormalization(epsilon=1e-5, momentum=0.75)(inputs)))
    weights, state = weights_of(pure)
    batch = tf.constant([[0.0, 0], [2, 4]])
    (_, features), after = pure(weights, state, batch, training=False, batch_statistics=True)
    np.testing.assert_allclose(features, [[-1, -1], [1, 1]], atol=1e-4)
    np.testing.assert_allclose(after, [[0.25, 0.5], [1.0, 1.75]], atol=1e-6)  # a quarter of the way from 0 and 1
    _, kept = pure(weights, state, batch, training=False, batch_statistics=True, keep_exactly=True)
    np.testing.assert_allclose(kept, [[1, 2], [1, 4]], atol=1e-6)
    (_, again), _ = pure(weights, kept, batch, training=False, batch_statistics=False)
    np.testing.assert_allclose(again, [[-1, -1], [1, 1]], atol=1e-4)


def test_frozen_layers_keep_to_their_moments():
    inputs = keras.Input((2,))
    layer = layers.BatchNormalization(trainable=False)
    pure = PureModel(keras.Model(inputs, layer(inputs)))
    state = [v.value for v in pure.model.non_trainable_variables]
    _, after = pure([], state, tf.constant([[5.0, 5], [7, 7]]), training=True, batch_statistics=True)
    np.testing.assert_array_equal(np.stack(after), np.stack(state))


def test_channels_first():
    inputs = keras.Input((2, 3))
    pure = PureModel(keras.Model(inputs, layers.BatchNormalization(axis=1, epsilon=1e-5)(inputs)))
    weights, state = weights_of(pure)
    batch = tf.constant([[[1.0, 2, 3], [10, 20, 30]]])
    (_, features), _ = pure(weights, state, batch, training=False, batch_statistics=True)
    np.testing.assert_allclose(features, [[-1.2247, 0, 1.2247, -1.2247, 0, 1.2247]], atol=1e-3)


@pytest.mark.parametrize("epsilon", [0.0, 1e-3], ids=["keras", "fused"])
def test_masks_are_refused(epsilon):
    inputs = keras.Input((3,))
    x = layers.BatchNormalization(epsilon=epsilon)(layers.Masking()(layers.Reshape((3, 1))(inputs)))
    with pytest.raises(ValueError, match="under a mask is not supported"):
        PureModel(keras.Model(inputs, x))


def test_a_layer_in_two_places_cannot_keep_the_moments_of_both():
    inputs, layer = keras.Input((2,)), layers.BatchNormalization(name="shared")
    pure = PureModel(keras.Model(inputs, layer(layers.Dense(2)(layer(inputs)))))
    weights, state = weights_of(pure)
    batch = tf.constant([[0.0, 0], [2, 4]])
    for statistics in (True, False):
        pure(weights, state, batch, training=False, batch_statistics=statistics)
    with pytest.raises(ValueError, match="layer 'shared' normalises in two places, and batch_norm 'support' keeps"):
        pure(weights, state, batch, training=False, batch_statistics=True, keep_exactly=True)


def test_a_layer_in_one_place_is_called_as_often_as_wished():
    pure = small_model()
    weights, state = weights_of(pure)
    for _ in range(2):
        pure(weights, state, tf.ones((2, 4, 4, 2)), training=False, batch_statistics=True, keep_exactly=True)


@pytest.mark.parametrize("shape", [(6, 2), (3, 4, 2), (2, 3, 4, 2), (2, 2, 2, 2, 2)])
@pytest.mark.parametrize("mode", MODES)
def test_inputs_of_any_rank(shape, mode):
    """The first axes are one: the values of a channel are normalised together, and the variance counts them all."""
    inputs = keras.Input(shape[1:])
    pure = PureModel(keras.Model(inputs, layers.BatchNormalization(epsilon=1e-5, momentum=0.5)(inputs)))
    weights, state = weights_of(pure)
    batch = np.random.default_rng(0).random(shape, np.float32)
    rows = batch.reshape(-1, 2)
    statistics, exactly = MODES[mode]
    (_, features), after = pure(
        weights, state, tf.constant(batch), training=False, batch_statistics=statistics, keep_exactly=exactly
    )
    mean, variance = (rows.mean(0), rows.var(0)) if statistics else (0.0, 1.0)
    expected = ((rows - mean) / np.sqrt(variance + 1e-5)).reshape(len(batch), -1)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    share = {"stored": 0.0, "batch": 0.5, "kept": 1.0}[mode]
    moved = [share * rows.mean(0), 1 - share + share * rows.var(0)]
    np.testing.assert_allclose(after, moved, rtol=1e-5, atol=1e-6)
