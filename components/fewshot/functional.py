"""Any `keras.Model` as a pure function of explicit weights, with a say in where batch normalisation takes its statistics."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import keras
from keras import ops

BatchNorm = Literal["running", "support", "transductive"]


class PureModel:
    """`features, state = pure(trainable, state, images, training=..., batch_statistics=...)`.

    Args:
      model: maps float32 images [B, H, W, C] in 0..1 to features of any rank >= 2 (flattened to [B, D] here).
    """

    def __init__(self, model: keras.Model) -> None:
        if not model.built:
            raise ValueError(f"base model {model.name!r} has no input shape yet: start it with keras.Input or build it")
        self.model = model
        self._batch_norms = [
            layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)
        ]

    def __call__(
        self,
        trainable: list[Any],
        state: list[Any],
        images: Any,
        *,
        training: bool,
        batch_statistics: bool,
        keep_exactly: bool = False,
    ) -> tuple[Any, list[Any]]:
        """Features [B, D] and the state (non-trainable weights) after the call.

        Args:
          training: whether dropout and its like are at work.
          batch_statistics: batch normalisation uses the moments of `images` rather than the stored ones, which then move
            towards them by the layer's momentum.
          keep_exactly: the stored moments become exactly those of `images` instead.
        """
        with self._normalising_by(batch_statistics, keep_exactly):
            output, state = self.model.stateless_call(trainable, state, images, training=training)
        return ops.reshape(output, (ops.shape(output)[0], -1)) if len(output.shape) > 2 else output, state

    @property
    def has_batch_norm(self) -> bool:
        """Whether the choice of statistics makes any difference."""
        return bool(self._batch_norms)

    @property
    def feature_size(self) -> int:
        """D of the features [B, D]."""
        size = 1
        for dimension in self.model.output_shape[1:]:
            if dimension is None:
                shape = self.model.output_shape
                raise ValueError(f"base model {self.model.name!r}: expected an output of fixed size, got {shape}")
            size *= dimension
        return size

    @contextmanager
    def _normalising_by(self, batch_statistics: bool, keep_exactly: bool) -> Iterator[None]:
        """Keras ties the statistics to `training`, which also rules dropout; while tracing, this unties them."""
        before = [(layer, layer.call, layer._moments, layer.momentum) for layer in self._batch_norms]
        for layer, call, _, _ in before:
            layer.call = _with_training(call, batch_statistics)
            layer._moments = partial(_moments, tuple(layer._reduction_axes))
            if keep_exactly:
                layer.momentum = 0.0
        try:
            yield
        finally:
            for layer, call, moments, momentum in before:
                layer.call, layer._moments, layer.momentum = call, moments, momentum


def _with_training(call: Any, batch_statistics: bool) -> Any:
    def bound(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        del training  # the model's own, which rules dropout
        return call(inputs, training=batch_statistics, mask=mask)

    return bound


def _moments(axes: tuple[int, ...], inputs: Any, mask: Any) -> tuple[Any, Any]:
    """Mean and variance with derivatives of every order. TensorFlow's own take the mean in the variance for a constant:
    right for the first derivative, wrong for the second, which MAML follows."""
    if mask is not None:
        raise ValueError("batch normalisation under a mask is not supported in a base model")
    mean = ops.mean(inputs, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(inputs - mean), axis=axes)
    return ops.squeeze(mean, axes), variance
