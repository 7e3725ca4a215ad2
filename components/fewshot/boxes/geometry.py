"""Overlap of boxes, and boxes as displacements of others."""

import math

from keras import ops

from components.fewshot.tensors import Tensor

SPREAD = (0.1, 0.1, 0.2, 0.2)  # typical displacements, by which they are divided (Girshick 2015): then all are about 1
LARGEST = math.log(1000 / 16)  # logarithm of the largest factor by which a box may grow
LEAST = 1e-6  # side of a box that is divided by


def sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Heights and widths [...] of boxes [..., 4], none below 0."""
    return ops.maximum(boxes[..., 2] - boxes[..., 0], 0.0), ops.maximum(boxes[..., 3] - boxes[..., 1], 0.0)


def areas(boxes: Tensor) -> Tensor:
    """Areas [...] of boxes [..., 4], as shares of the image."""
    height, width = sides(boxes)
    return height * width


def intersections(a: Tensor, b: Tensor) -> Tensor:
    """Areas [..., A, B] that boxes [..., A, 4] and [..., B, 4] have in common."""
    a, b = ops.expand_dims(a, -2), ops.expand_dims(b, -3)
    height = ops.minimum(a[..., 2], b[..., 2]) - ops.maximum(a[..., 0], b[..., 0])
    width = ops.minimum(a[..., 3], b[..., 3]) - ops.maximum(a[..., 1], b[..., 1])
    return ops.maximum(height, 0.0) * ops.maximum(width, 0.0)


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union [..., A, B] of boxes [..., A, 4] and [..., B, 4]; 0 where both are empty."""
    return over_union(intersections(a, b), a, b)


def over_union(shared: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union [..., A, B], given the intersections [..., A, B]."""
    union = ops.expand_dims(areas(a), -1) + ops.expand_dims(areas(b), -2) - shared
    return shared / ops.maximum(union, LEAST * LEAST)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes [..., 4] as displacements [..., 4] from anchors [..., 4]: of the centre in sides of the anchor, of the logarithms
    of the sides, each divided by its `SPREAD`."""
    (y, x, height, width), (ay, ax, aheight, awidth) = _centred(boxes), _centred(anchors)
    moved = [(y - ay) / aheight, (x - ax) / awidth, ops.log(height / aheight), ops.log(width / awidth)]
    return ops.stack(moved, axis=-1) / ops.convert_to_tensor(SPREAD, boxes.dtype)


def decode(deltas: Tensor, anchors: Tensor) -> Tensor:
    """Inverse of `encode`; a box becomes at most 62.5 times as large as its anchor."""
    deltas = deltas * ops.convert_to_tensor(SPREAD, deltas.dtype)
    ay, ax, aheight, awidth = _centred(anchors)
    y, x = ay + deltas[..., 0] * aheight, ax + deltas[..., 1] * awidth
    height = aheight * ops.exp(ops.minimum(deltas[..., 2], LARGEST))
    width = awidth * ops.exp(ops.minimum(deltas[..., 3], LARGEST))
    return ops.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=-1)


def clip(boxes: Tensor) -> Tensor:
    """Boxes [..., 4] cut off at the sides of the image."""
    return ops.clip(boxes, 0.0, 1.0)


def _centred(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    height, width = (ops.maximum(side, LEAST) for side in sides(boxes))
    return boxes[..., 0] + height / 2, boxes[..., 1] + width / 2, height, width
