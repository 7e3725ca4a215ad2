"""Where the boxes of a picture are in what the network sees of it, and back."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.fit import box_map
from components.fewshot.images.gate import ANY_SIZE, examine
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Tensor


class Frames(NamedTuple):
    """How the places of some pictures become those of what the network sees: times `scale`, plus `offset`."""

    scale: Tensor  # float32 [B, 4]
    offset: Tensor  # float32 [B, 4]

    def at(self, rows: Tensor) -> "Frames":
        """Those of some of the pictures, int32 [n], which may repeat."""
        return Frames(tf.gather(self.scale, rows), tf.gather(self.offset, rows))

    def into(self, boxes: Tensor) -> Tensor:
        """Boxes [B, 4] or [B, N, 4] of the pictures as a person sees them, as they are in what the network sees."""
        scale, offset = self._beside(boxes)
        return boxes * scale + offset

    def out_of(self, boxes: Tensor) -> Tensor:
        """The inverse of `into`; what lies in a bar beside the picture is cut off, so a box may be left without any area."""
        scale, offset = self._beside(boxes)
        return tf.clip_by_value((boxes - offset) / scale, 0.0, 1.0)

    def _beside(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        return (self.scale, self.offset) if len(boxes.shape) == 2 else (self.scale[:, None], self.offset[:, None])


def frames(encoded: Tensor, spec: ImageSpec) -> Frames:
    """The frames of encoded images (string [B]) whose form for the network is `spec`.

    Images are not judged: of one that the gate refuses, the frame means nothing.

    Raises:
      ValueError: `spec` cuts off parts of an image.
    """
    _, header = examine(encoded, ANY_SIZE)
    return Frames(*box_map(tf.maximum(header.shown, 1), spec))
