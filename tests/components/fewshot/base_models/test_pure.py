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


class Block(layers.Layer):
    """A layer of the user's own, with normalisation and dropout inside."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense, self.norm, self.dropout = layers.Dense(units), layers.BatchNormalization(), layers.Dropout(0.5)

    def call(self, inputs, training=None):
        return self.dropout(self.norm(self.dense(inputs), training=training), training=training)


class Unit(layers.BatchNormalization):
    """A normalisation of the user's own."""

    def call(self, inputs, training=None, mask=None):
        return inputs / ops.norm(inputs, axis=-1, keepdims=True)


class Closed(Block):
    """A layer that cannot be built from its configuration."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def get_config(self):
        return super().get_config()


def nested():
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    return inner, keras.Model(inputs, layers.Dense(2)(inner(inputs)))


@pytest.mark.parametrize("part", [lambda: Block(3), lambda: nested()[1]], ids=["own layer", "nested model"])
def test_normalisation_inside_a_layer_or_a_model(part):
    """Its moments are moved by the batch, exactly or by a hundredth, and by `batch_statistics` alone, not `training`."""
    pure = model_of(part())
    means = [i for i, v in enumerate(pure.model.non_trainable_variables) if v.path.endswith("moving_mean")]
    assert pure.has_batch_norm and len(means) == 1
    for training in (True, False):
        _, still = call(pure, BATCH, training=training, batch_statistics=False)
        _, moved = call(pure, BATCH, training=training, batch_statistics=True)
        _, kept = call(pure, BATCH, training=training, batch_statistics=True, keep_exactly=True)
        assert not np.array(still[means[0]]).any() and np.array(kept[means[0]]).any()
        np.testing.assert_allclose(moved[means[0]], 0.01 * np.array(kept[means[0]]), rtol=1e-4)
    dropped = call(pure, np.ones((50, 4), "float32"), training=False, batch_statistics=False)[0]
    assert len(np.unique(np.round(dropped, 5), axis=0)) == 1, "without training nothing is dropped"


def test_what_is_frozen_inside_stays_as_it_is():
    inner, model = nested()
    inner.layers[-1].trainable = False
    pure = PureModel(model)
    _, after = call(pure, BATCH, training=True, batch_statistics=True, keep_exactly=True)
    for variable, value in zip(model.non_trainable_variables, after, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert all(layer.trainable for layer in model.layers) and len(model.trainable_variables) == 4


def test_a_normalisation_of_the_users_own_follows_training():
    pure = model_of(Unit())
    assert not pure.has_batch_norm
    features, _ = call(pure, BATCH[1:], training=False, batch_statistics=True)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)


def test_a_layer_that_cannot_be_built_twice():
    with pytest.raises(
        ValueError, match=r"layer 'closed' \(Closed\) holds batch normalisation, and cannot be built from"
    ):
        model_of(Closed(len, name="closed"))


def test_the_users_model_is_left_as_it_was():
    _, model = nested()
    before = [id(variable) for variable in model.variables]
    config, output = str(model.get_config()), model.layers[-1].output
    PureModel(model)
    assert [id(variable) for variable in model.variables] == before
    assert str(model.get_config()) == config and model.layers[-1].output is output


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
