"""The one place where gradients are taken; everything else of a learner is `keras.ops`.

A second backend is a second body of these functions (in JAX: `jax.value_and_grad(function, has_aux=True)`).
"""

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from components.fewshot.tensors import Scalar, Tensor

Extra = TypeVar("Extra")


def value_and_grad(
    function: Callable[[list[Tensor]], tuple[Scalar, Extra]], at: list[Tensor]
) -> tuple[tuple[Scalar, Extra], list[Tensor]]:
    """((value, extra), gradients) of `function(at) -> (value, extra)`; differentiable again.

    A tensor that the value does not depend on has gradient zero.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        at = [tf.convert_to_tensor(tensor) for tensor in at]
        tape.watch(at)
        value, extra = function(at)
    return (value, extra), tape.gradient(value, at, unconnected_gradients=tf.UnconnectedGradients.ZERO)
