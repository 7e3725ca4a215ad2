"""Half precision: where it is, and where it is not."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from components.fewshot.base_models.precision import computing_in
from components.fewshot.base_models.pure import PureModel

ONE = tf.ones((1, 1))


class Seen(layers.Layer):
    """Keeps the dtype that it computes in."""

    def call(self, inputs):
        self.was = inputs.dtype
        return inputs


def model(*more: layers.Layer) -> PureModel:
    """x -> w x, with w = 2."""
    dense = layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(2.0))
    return PureModel(keras.Sequential([keras.Input((1,)), dense, *more]))


def features(pure: PureModel, weights, images=ONE):
    return pure(weights, [], images, training=True, batch_statistics=True)[0].vector


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_layers_compute_in_it_and_nothing_else(dtype):
    seen, chosen = Seen(), Seen(dtype="float64")
    pure = model(seen, chosen)
    weights = [variable.value for variable in pure.model.trainable_variables]
    with computing_in(dtype):
        assert features(pure, weights).dtype == "float64"  # of the last layer, whose user chose it
        assert (seen.was, chosen.was) == (dtype, "float64")
    assert [layer.dtype_policy.name for layer in pure.model.layers] == ["float32", "float32", "float64"]
    assert pure.model.trainable_variables[0].dtype == "float32"
    features(pure, weights)
    assert seen.was == "float32"
    with computing_in(dtype):
        assert features(model(), weights).dtype == "float32"


def test_layers_are_as_before_after_an_error():
    pure = model()
    with computing_in("float16"), pytest.raises(Exception, match="dense"):
        features(pure, [tf.ones((1, 1))], tf.ones((1, 7)))
    assert pure.model.layers[0].dtype_policy.name == "float32"
