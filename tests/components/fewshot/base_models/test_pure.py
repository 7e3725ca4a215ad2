"""Any Keras model as a pure function; batch normalisation by stored moments or by the batch's own."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from components.fewshot.base_models.pure import PureModel


def model_of(*parts, shape=(4,)) -> PureModel:
    inputs = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return PureModel(keras.Model(inputs, x))


def call(pure: PureModel, images, **how):
    trainable = [v.value for v in pure.model.trainable_variables]
    state = [v.value for v in pure.model.non_trainable_variables]
    features, state = pure(trainable, state, ops.convert_to_tensor(images), **how)
    return features.vector, state


BATCH = np.array([[0.0, 0, 0, 0], [2, 4, 6, 8]], "float32")  # mean 1 2 3 4, variance 1 4 9 16


@pytest.mark.parametrize("training", [True, False])
def test_stored_moments(training):
    pure = model_of(layers.BatchNormalization(epsilon=0.0))
    features, state = call(pure, BATCH, training=training, batch_statistics=False)
    np.testing.assert_allclose(features, BATCH, atol=1e-5)  # initial moments: mean 0, variance 1
    np.testing.assert_array_equal(state[0], 0)


@pytest.mark.parametrize("training", [True, False])
def test_moments_of_the_batch(training):
    pure = model_of(layers.BatchNormalization(epsilon=0.0, momentum=0.75))
    features, state = call(pure, BATCH, training=training, batch_statistics=True)
    np.testing.assert_allclose(features, [[-1] * 4, [1] * 4], atol=1e-5)
    np.testing.assert_allclose(state[0], np.array([1, 2, 3, 4]) / 4, atol=1e-6)  # a quarter of the way
    _, exactly = call(pure, BATCH, training=training, batch_statistics=True, keep_exactly=True)
    np.testing.assert_allclose(exactly[0], [1, 2, 3, 4], atol=1e-6)
    np.testing.assert_allclose(exactly[1], [1, 4, 9, 16], atol=1e-5)


def test_the_layer_itself_is_left_as_it_was():
    layer = layers.BatchNormalization(momentum=0.75)
    pure = model_of(layer)
    call(pure, BATCH, training=False, batch_statistics=True, keep_exactly=True)
    assert layer.momentum == 0.75
    np.testing.assert_allclose(pure.model(BATCH, training=False), BATCH, rtol=1e-3)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)


def test_dropout_follows_training_alone():
    pure = model_of(layers.Dropout(0.5, seed=0))
    ones = np.ones((50, 4), "float32")
    assert len(np.unique(call(pure, ones, training=True, batch_statistics=False)[0])) == 2
    np.testing.assert_array_equal(call(pure, ones, training=False, batch_statistics=True)[0], ones)


def test_maps_are_flattened():
    pure = model_of(layers.Conv2D(3, 1), shape=(5, 6, 1))
    features, _ = call(pure, np.zeros((2, 5, 6, 1), "float32"), training=False, batch_statistics=False)
    assert features.shape == (2, 90) and pure.feature_size == 90


def test_map_and_vector():
    """A model of two named outputs gives both; of one output of rank 4, that and its values in a row; else no map."""
    inputs = keras.Input((5, 6, 1))
    x = layers.Conv2D(3, 1)(inputs)
    both = PureModel(keras.Model(inputs, {"map": x, "vector": layers.GlobalAveragePooling2D()(x)}))
    images = np.random.default_rng(0).random((2, 5, 6, 1), np.float32)
    features, _ = both(
        [v.value for v in both.model.trainable_variables], [], images, training=False, batch_statistics=False
    )
    assert features.map.shape == (2, 5, 6, 3) and both.feature_size == 3
    np.testing.assert_allclose(features.vector, np.mean(features.map, (1, 2)), rtol=1e-5)
    one = PureModel(keras.Model(inputs, x))
    features, _ = one(
        [v.value for v in one.model.trainable_variables], [], images, training=False, batch_statistics=False
    )
    np.testing.assert_array_equal(np.reshape(features.map, (2, -1)), features.vector)
    assert PureModel(keras.Sequential([keras.Input((5, 6, 1)), layers.Flatten()])).feature_size == 30
    flat = PureModel(keras.Model(inputs, layers.Flatten()(inputs)))
    assert flat([], [], images, training=False, batch_statistics=False)[0].map is None


def test_outputs_and_regularisers_that_episodes_cannot_use():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match=r"expected one output, or two named 'map' and 'vector', got \['a', 'b'\]"):
        PureModel(keras.Model(inputs, {"a": layers.Dense(2)(inputs), "b": layers.Dense(3)(inputs)}))
    with pytest.raises(ValueError, match="layer 'busy' has an activity regulariser"):
        model_of(layers.Dense(2, activity_regularizer="l2", name="busy"))


def test_penalty_by_hand():
    pure = model_of(layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5), use_bias=False))
    assert float(pure.penalty([np.array([[1.0], [2], [0], [2]], "float32")])) == 4.5
    assert model_of(layers.Dense(1)).penalty([0.0, 0.0]) is None


def test_models_that_cannot_serve():
    with pytest.raises(ValueError, match="has no input shape yet"):
        PureModel(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="expected an output of fixed size"):
        _ = model_of(layers.Conv2D(3, 1), shape=(None, None, 1)).feature_size


@pytest.mark.parametrize("part", ["layer without trained weights", "model", "weight"])
def test_trainable_that_is_changed_afterwards(part):
    """Names and kinds of weights, the twin and the optimizer go by what it was before."""
    layer, dense = layers.BatchNormalization(scale=False, center=False), layers.Dense(2)
    pure = model_of(layer, dense)
    changed = {"layer without trained weights": layer, "model": pure.model, "weight": dense.kernel}[part]
    call(pure, BATCH, training=True, batch_statistics=True)
    changed.trainable = False
    with pytest.raises(ValueError, match="`trainable` was changed after the learner was made; freeze layers first"):
        call(pure, BATCH, training=True, batch_statistics=True)
    changed.trainable = True
    call(pure, BATCH, training=True, batch_statistics=True)
