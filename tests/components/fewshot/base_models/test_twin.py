"""The twin of a model normalises as it is told wherever the model does; the user's model is left as it was."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from components.fewshot.base_models.pure import PureModel
from tests.components.fewshot.base_models.test_pure import BATCH, call, model_of


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


class Forgetful(Block):
    """Its configuration lacks an argument that changes no shape."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def get_config(self):
        return {"name": self.name}

    def call(self, inputs, training=None):
        return self.scale * super().call(inputs, training=training)


def test_a_configuration_that_builds_another_function():
    with pytest.raises(ValueError, match="built a second time from its `get_config`, computes something else"):
        model_of(Forgetful(scale=3.0))


@pytest.mark.parametrize("sequential", [True, False])
def test_a_compiled_model(sequential):
    """With a loss of the user's own, which Keras cannot find by its name."""
    inputs, norm = keras.Input((4,)), layers.BatchNormalization()
    model = keras.Sequential([inputs, norm]) if sequential else keras.Model(inputs, norm(inputs))
    model.compile(loss=lambda y, p: ops.mean(p))
    assert PureModel(model).has_batch_norm


def test_half_precision_gives_float32():
    pure = model_of(layers.Dense(3, dtype="mixed_float16"), layers.BatchNormalization(dtype="mixed_float16"))
    assert call(pure, BATCH, training=False, batch_statistics=True)[0].dtype == "float32"


def test_float64_stays():
    """Finite differences need it: rounded to float32, a loss tells a step of 1e-6 only by its last digits."""
    pure = model_of(layers.Dense(3, dtype="float64"), layers.BatchNormalization(dtype="float64"))
    assert call(pure, BATCH, training=False, batch_statistics=True)[0].dtype == "float64"
