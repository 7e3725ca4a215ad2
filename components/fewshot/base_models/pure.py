"""Any `keras.Model` as a pure function of explicit weights, with a say in where batch normalisation takes its statistics."""

from typing import Any, Literal

import keras
from keras import ops

from components.fewshot.base_models.batch_norm import normalising_by
from components.fewshot.base_models.weights import weights_of

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
        self.weights = weights_of(model)  # by the identity of their variables
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
        with normalising_by(self._batch_norms, batch_statistics, keep_exactly):
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
