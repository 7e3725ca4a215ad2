"""Batch normalisation whose statistics the caller chooses: fast on a CPU, and with correct derivatives of every order.

In Keras, `training` decides both on the statistics and on dropout. TensorFlow's moments have a wrong second derivative, and
its fused operation passes no gradient to moments from outside; for that of given moments, a GPU has no deterministic kernel of
the gradient. This module uses each only where it is correct, and where a GPU can train by it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import tensorflow as tf
from keras import layers, ops

from components.fewshot.tensors import Tensor


class Statistics(NamedTuple):
    """Which moments normalise a batch.

    Attributes:
      of_batch: the moments of the batch; otherwise the stored ones. Those of the batch also move the stored ones, by the
        layer's momentum.
      keep_exactly: the stored moments become exactly those of the batch instead, and gradients follow them.
      folded: TensorFlow may make it a part of the convolution before it, which is faster. Then the rounding of an image can
        depend on the batch that it is in.
    """

    of_batch: bool
    keep_exactly: bool = False
    folded: bool = False


class _InForce(NamedTuple):
    """The statistics of one call of a model, and the layers (by identity) whose moments it has kept exactly so far."""

    statistics: Statistics
    kept: set[int]


_IN_FORCE: ContextVar[_InForce | None] = ContextVar("statistics", default=None)


@contextmanager
def normalising_by(statistics: Statistics) -> Iterator[None]:
    """While a model is called or traced once, every `ChosenBatchNorm` in it uses these statistics."""
    token = _IN_FORCE.set(_InForce(statistics, set()))
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


class ChosenBatchNorm(layers.BatchNormalization):
    """Keras's layer with the same weights, whose statistics `normalising_by` chooses. Elsewhere it behaves as Keras's."""

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Normalised inputs, of the same shape.

        Raises:
          ValueError: the inputs are masked, or the moments are to be kept exactly, and the layer renormalises or is used
            a second time in one call of the model.
        """
        in_force = _IN_FORCE.get()
        if in_force is None:
            return super().call(inputs, training=training, mask=mask)
        if mask is not None:
            raise ValueError("batch normalisation under a mask is not supported in a base model")
        statistics = in_force.statistics
        of_batch = statistics.of_batch and self.trainable
        if of_batch and statistics.keep_exactly:
            self._keep_once(in_force.kept)
        if getattr(self, "renorm", False):
            return self._by_keras(inputs, of_batch, statistics.keep_exactly)
        return (_fused if _is_plain(self) else _plainly)(self, inputs, statistics._replace(of_batch=of_batch))

    def _keep_once(self, kept: set[int]) -> None:
        """Refuses a second use in one call: the moments of the first would be lost."""
        if id(self) in kept:
            raise ValueError(
                f"layer {self.name!r} normalises in two places, and batch_norm 'support' keeps the moments of one only: give "
                "each place a layer of its own, or set batch_norm to 'running' or 'transductive'"
            )
        kept.add(id(self))

    def _by_keras(self, inputs: Tensor, of_batch: bool, keep_exactly: bool) -> Tensor:
        if of_batch and keep_exactly:
            raise ValueError(f"layer {self.name!r}: batch renormalisation works only with batch_norm 'running'")
        return super().call(inputs, training=of_batch)


def _is_plain(layer: ChosenBatchNorm) -> bool:
    """Whether the fused operation can do what the layer does."""
    last = layer.axis in (-1, layer.input_spec.ndim - 1)
    return last and layer.compute_dtype == "float32" and layer.epsilon >= 1e-5


def _fused(layer: ChosenBatchNorm, inputs: Tensor, statistics: Statistics) -> Tensor:
    of_batch, keep_exactly, folded = statistics
    rows = ops.reshape(inputs, (-1, 1, 1, inputs.shape[-1]))
    maps = inputs if len(inputs.shape) == 4 else rows
    scale = layer.gamma if layer.scale else ops.ones(inputs.shape[-1])
    offset = layer.beta if layer.center else ops.zeros(inputs.shape[-1])
    mean, variance = layer.moving_mean, layer.moving_variance
    if of_batch and not keep_exactly:
        # As a map where it is one: cuDNN takes many pixels, but not as many images.
        outputs, batch_mean, batch_variance = _normalise(maps, scale, offset, layer.epsilon)
        _move(layer, batch_mean, batch_variance, keep_exactly)
    else:
        if of_batch:
            mean, variance = _moments(inputs, tuple(range(len(inputs.shape) - 1)))
            _move(layer, mean, variance, keep_exactly)
        factor = scale * ops.rsqrt(variance + layer.epsilon)
        outputs = _affine(maps if folded else rows, factor, offset - mean * factor)
    return ops.reshape(outputs, ops.shape(inputs))


def _plainly(layer: ChosenBatchNorm, inputs: Tensor, statistics: Statistics) -> Tensor:
    """Any axis and dtype, in simple operations; half precision is computed in float32, as Keras does."""
    of_batch, keep_exactly, _ = statistics
    axis = layer.axis % len(inputs.shape)
    inputs = ops.cast(inputs, "float64" if layer.compute_dtype == "float64" else "float32")
    mean, variance = layer.moving_mean, layer.moving_variance
    if of_batch:
        mean, variance = _moments(inputs, tuple(i for i in range(len(inputs.shape)) if i != axis))
        _move(layer, mean, variance, keep_exactly)
    mean, variance = ops.cast(mean, inputs.dtype), ops.cast(variance, inputs.dtype)
    scale = ops.cast(layer.gamma, inputs.dtype) if layer.scale else None
    offset = ops.cast(layer.beta, inputs.dtype) if layer.center else None
    outputs = ops.batch_normalization(inputs, mean, variance, axis, offset, scale, layer.epsilon)
    return ops.cast(outputs, layer.compute_dtype)


def _move(layer: ChosenBatchNorm, mean: Tensor, variance: Tensor, keep_exactly: bool) -> None:
    momentum = 0.0 if keep_exactly else layer.momentum
    for stored, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        stored.assign(stored * momentum + ops.cast(new, stored.dtype) * (1.0 - momentum))


def _normalise(maps: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised maps [B, H, W, C], mean [C] and variance [C]; gradients do not follow the moments outside."""
    outputs, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(maps, scale, offset, epsilon=epsilon)
    number = ops.cast(ops.size(maps) // ops.shape(maps)[-1], unbiased.dtype)
    return outputs, mean, unbiased * (number - 1.0) / number


@tf.custom_gradient
def _affine(maps: Tensor, factor: Tensor, offset: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
    """maps [B, H, W, C] * factor [C] + offset [C], with gradients of every order to all three.

    The fused operation does it in one pass. Of rows [N, 1, 1, C] TensorFlow does not make it a part of a convolution. Its own
    gradient has no deterministic GPU kernel, so it is written out here. On a CPU `BiasAddGrad` is the fastest sum.
    """
    epsilon = 2.0**-10  # the operation wants one; with this, variance + epsilon is 1 exactly
    mean, variance = ops.zeros_like(factor), ops.full_like(factor, 1.0 - epsilon)
    outputs = tf.compat.v1.nn.fused_batch_norm(maps, factor, offset, mean, variance, epsilon, is_training=False)[0]

    def gradients(upstream: Tensor) -> tuple[Tensor, ...]:
        return upstream * factor, _sum_of_pixels(upstream * maps), _sum_of_pixels(upstream)

    return outputs, gradients


def _sum_of_pixels(maps: Tensor) -> Tensor:
    """The sum [C] of maps [B, H, W, C]."""
    return tf.raw_ops.BiasAddGrad(out_backprop=maps)


def _moments(inputs: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean [C] and variance [C]. TensorFlow's own function treats the mean inside the variance as a constant. Its
    first derivative is right, its second is wrong, and MAML needs the second."""
    mean = ops.mean(inputs, axis=axes, keepdims=True)
    return ops.squeeze(mean, axes), ops.mean(ops.square(inputs - mean), axis=axes)
