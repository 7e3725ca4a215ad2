"""Names for the tensors that travel between the rooms. The one place that says which library they come from."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
"""Any tensor of the backend; a comment beside the name gives its shape."""

Images: TypeAlias = Tensor
"""Images [B, H, W, C]; float32 in 0..1 unless said otherwise."""

Preprocess: TypeAlias = Callable[[Tensor], Images]
"""Makes pixels, uint8 [B, H, W, C], of encoded images, string [B]."""

Vectors: TypeAlias = Tensor
"""One feature vector an image, float32 [B, D]."""

Logits: TypeAlias = Tensor
"""Unnormalised log-probabilities of the classes, float32 [B, way]."""

Labels: TypeAlias = Tensor
"""Class numbers, int32 [B]; -1 stands for an image of no class (a distractor)."""

Scalar: TypeAlias = Tensor
"""A tensor of shape []."""

Way: TypeAlias = int | Tensor
"""Number of classes of a task: a Python number, or a scalar int32 while a graph is traced."""


class Features(NamedTuple):
    """What a base model makes of images.

    Attributes:
      map: features by place [B, h, w, C], or None where the base model has none.
      vector: features of the whole image [B, D].
    """

    map: Tensor | None
    vector: Vectors

    def part(self, start: int | Tensor | None, stop: int | Tensor | None) -> "Features":
        """The features of images `start` to `stop`."""
        return Features(None if self.map is None else self.map[start:stop], self.vector[start:stop])
