"""The one place where gradients are taken; everything else of a learner is `keras.ops`.

A second backend is a second body of these functions (in JAX: `jax.value_and_grad(function, has_aux=True)`).
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensors = list[Any]


def value_and_grad(function: Callable[[Tensors], tuple[Any, Any]], at: Tensors) -> tuple[tuple[Any, Any], Tensors]:
    """((value, aux), gradients) of `function(at) -> (scalar value, aux)`; differentiable again.

    A tensor that the value does not depend on has gradient zero.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        at = [tf.convert_to_tensor(tensor) for tensor in at]
        tape.watch(at)
        value, aux = function(at)
    return (value, aux), tape.gradient(value, at, unconnected_gradients=tf.UnconnectedGradients.ZERO)
