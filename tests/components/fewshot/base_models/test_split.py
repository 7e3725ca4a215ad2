"""A base model in two parts computes what it computed in one piece, and only the rest is trained."""

import keras
import numpy as np
import pytest
from keras import layers

from components.fewshot.base_models.pure import PureModel, Trunk
from components.fewshot.base_models.split import split
from components.fewshot.base_models.table import pure_base_model
from components.fewshot.settings.base_models import BaseModelSettings

NETWORKS = {
    "conv4": ((28, 28, 1), {}),
    "resnet12": ((28, 28, 1), {}),
    "efficientnet_lite0": ((32, 32, 3), {"weights": None}),
    "keras.applications:MobileNetV3Small": ((32, 32, 3), {}),  # a model within a model
}


def images_of(shape, seed=0):
    return np.random.default_rng(seed).random((2, *shape), np.float32)


def vector_of(output):
    output = output["vector"] if isinstance(output, dict) else output
    return np.asarray(output).reshape(len(output), -1)


def residual() -> keras.Model:
    """Two dense layers with a way around the second."""
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="one")(inputs)
    return keras.Model(inputs, layers.Add()([x, layers.Dense(3, name="two")(layers.Dense(5, name="inner")(x))]))


@pytest.mark.parametrize("trainable", ["none", "last 1", "last 3"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_make_what_the_whole_makes(name, trainable):
    shape, settings = NETWORKS[name]
    keras.utils.set_random_seed(0)
    from components.fewshot.base_models.table import build_base_model

    model = build_base_model(BaseModelSettings(name=name, settings=settings), shape)
    images = images_of(shape)
    whole = vector_of(model(images))
    parts = split(model, trainable)
    assert parts.trunk is not None
    np.testing.assert_array_equal(vector_of(parts.rest(parts.trunk(images))), whole)
    assert not parts.trunk.trainable_variables


def test_all_is_no_trunk():
    model = residual()
    assert split(model, "all") == (None, model)


def test_none_trains_nothing():
    parts = split(residual(), "none")
    assert parts.rest.output_shape == (None, 3) and not parts.rest.variables


def test_a_cut_is_where_a_single_tensor_passes():
    """The last kernel is on one of two ways: both belong to the rest, with the other kernel on it."""
    for count in (1, 2):
        rest = split(residual(), f"last {count}").rest
        assert sorted(layer.name for layer in rest.layers if layer.weights) == ["inner", "two"]


def test_a_sequential_model_is_cut_too():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="one"), layers.ReLU(), layers.Dense(2, name="two")]
    )
    images = images_of((4,))
    whole = vector_of(model(images))
    parts = split(model, "last 1")
    assert [layer.name for layer in parts.rest.layers if layer.weights] == ["two"]
    np.testing.assert_array_equal(vector_of(parts.rest(parts.trunk(images))), whole)


def test_batch_normalisation_keeps_its_moments():
    base = pure_base_model(BaseModelSettings(name="conv4", trainable="last 2"), (28, 28, 1))
    assert not base.has_batch_norm and len(base.model.trainable_variables) == 2  # the kernels


@pytest.mark.parametrize("trainable", ["last 4", "last 40"])
def test_no_trunk_is_left(trainable):
    model = pure_base_model(BaseModelSettings(name="conv4"), (28, 28, 1)).model
    with pytest.raises(
        ValueError, match=f"base_model.trainable '{trainable}'.*has 4 layers with a kernel.*fewer, all or none"
    ):
        split(model, trainable)


@pytest.mark.parametrize("value", ["some", "last", "last 0", "last -1", "LAST 2", ""])
def test_what_is_no_value(value):
    with pytest.raises(ValueError, match=r"expected all, none or `last N` \(as last 16\), got"):
        BaseModelSettings(trainable=value)


class Own(keras.Model):
    """A class of one's own is no graph of layers."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, images):
        return self.dense(layers.Flatten()(images))


def test_a_class_of_its_own():
    model = Own()
    model(np.zeros((1, 2, 2, 1)))
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, model(inputs))
    assert split(model, "none").trunk.output_shape == (None, 3)
    with pytest.raises(ValueError, match="choose fewer, all or none"):
        split(model, "last 1")


def test_the_digest_of_a_trunk():
    def trunk(seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((4,))
        return Trunk(keras.Model(inputs, layers.Dense(3)(inputs)))

    assert trunk(0).digest() == trunk(0).digest() != trunk(1).digest()


def test_a_trunk_is_a_pure_function():
    parts = split(residual(), "none")
    base = PureModel(parts.rest, parts.trunk)
    images = images_of((4,))
    np.testing.assert_allclose(base.trunk(base.trunk.values(), images), parts.trunk(images), rtol=1e-6)
    np.testing.assert_array_equal(base.trunk([value * 0 for value in base.trunk.values()], images), np.zeros((2, 3)))
