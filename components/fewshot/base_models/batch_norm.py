"""Batch normalisation by statistics of one's choice: fast on a CPU, and with right derivatives of every order.

Keras ties the statistics to `training`, which also rules dropout; TensorFlow's moments have a wrong second derivative, and
the fused operation has none through the moments at all. Here each is used for what it does well.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import tensorflow as tf
from keras import layers, ops


@contextmanager
def normalising_by(
    batch_norms: Sequence[layers.BatchNormalization], batch_statistics: bool, keep_exactly: bool
) -> Iterator[None]:
    """While tracing, lets the layers normalise by the moments of their input or by the stored ones.

    Args:
      batch_statistics: by the moments of the input, towards which the stored ones then move by the layer's momentum.
      keep_exactly: the stored moments become exactly those of the input instead, and gradients follow them.
    """
    before = [(layer, layer.call, layer._moments, layer.momentum) for layer in batch_norms]
    for layer, call, _, _ in before:
        layer.call = (
            _fused(layer, batch_statistics, keep_exactly) if _is_plain(layer) else _by_keras(call, batch_statistics)
        )
        layer._moments = partial(_moments, tuple(layer._reduction_axes))
        if keep_exactly:
            layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, call, moments, momentum in before:
            layer.call, layer._moments, layer.momentum = call, moments, momentum


def _is_plain(layer: layers.BatchNormalization) -> bool:
    """Whether the fused operation can do what the layer does."""
    last = layer.axis in (-1, layer.input_spec.ndim - 1)
    return last and not layer.renorm and layer.compute_dtype == "float32" and layer.epsilon >= 1e-5


def _by_keras(call: Callable[..., Any], batch_statistics: bool) -> Callable[..., Any]:
    def bound(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        del training  # the model's own, which rules dropout
        return call(inputs, training=batch_statistics, mask=mask)

    return bound


def _fused(layer: layers.BatchNormalization, batch_statistics: bool, keep_exactly: bool) -> Callable[..., Any]:
    def bound(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        del training
        _refuse(mask)
        rows = ops.reshape(inputs, (-1, 1, 1, inputs.shape[-1]))
        scale = layer.gamma if layer.scale else ops.ones(inputs.shape[-1])
        offset = layer.beta if layer.center else ops.zeros(inputs.shape[-1])
        mean, variance = layer.moving_mean, layer.moving_variance
        if batch_statistics and layer.trainable and not keep_exactly:
            rows, batch_mean, batch_variance = _normalise(rows, scale, offset, layer.epsilon)
            _move(layer, batch_mean, batch_variance)
        else:
            if batch_statistics and layer.trainable:
                mean, variance = layer._moments(inputs, mask)
                _move(layer, mean, variance)
            factor = scale * ops.rsqrt(variance + layer.epsilon)
            rows = _affine(rows, factor, offset - mean * factor)
        return ops.reshape(rows, ops.shape(inputs))

    return bound


def _move(layer: layers.BatchNormalization, mean: Any, variance: Any) -> None:
    for stored, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        stored.assign(stored * layer.momentum + new * (1.0 - layer.momentum))


def _normalise(rows: Any, scale: Any, offset: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalised rows [N, 1, 1, C], mean [C] and variance [C]; gradients do not follow the moments outside."""
    outputs, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(rows, scale, offset, epsilon=epsilon)
    number = ops.cast(ops.shape(rows)[0], unbiased.dtype)
    return outputs, mean, unbiased * (number - 1.0) / number


def _affine(rows: Any, factor: Any, offset: Any) -> Any:
    """rows [N, 1, 1, C] * factor [C] + offset [C]: the fused operation in one pass, with gradients to all three."""
    epsilon = 2.0**-10  # it wants one; with this, variance + epsilon is 1 exactly
    mean, variance = ops.zeros_like(factor), ops.full_like(factor, 1.0 - epsilon)
    return tf.compat.v1.nn.fused_batch_norm(rows, factor, offset, mean, variance, epsilon, is_training=False)[0]


def _moments(axes: tuple[int, ...], inputs: Any, mask: Any) -> tuple[Any, Any]:
    """Mean [C] and variance [C]. TensorFlow's own take the mean in the variance for a constant: right for the first
    derivative, wrong for the second, which MAML follows."""
    _refuse(mask)
    mean = ops.mean(inputs, axis=axes, keepdims=True)
    return ops.squeeze(mean, axes), ops.mean(ops.square(inputs - mean), axis=axes)


def _refuse(mask: Any) -> None:
    if mask is not None:
        raise ValueError("batch normalisation under a mask is not supported in a base model")
