"""Which object a box stands for, and from which boxes a detector learns that there is none."""

from typing import NamedTuple

from keras import ops

from components.fewshot.boxes.geometry import areas, intersections, over_union
from components.fewshot.tensors import Labels, Tensor

COVERED = 0.5  # share of a box within an object that does not count above which the box does not count either


class Match(NamedTuple):
    """What boxes [N, R, 4] stand for."""

    objects: Tensor  # int32 [N, R], the object that overlaps most
    overlap: Tensor  # float32 [N, R], with it; 0 where there is no object
    excused: Tensor  # bool [N, R], whether the box lies in an object that does not count
    best: Tensor  # bool [N, R], whether it overlaps some object more than any other box does, and at all


def match(boxes: Tensor, objects: Tensor, counts: Tensor, excuses: Tensor) -> Match:
    """Matches boxes [N, R, 4] with objects [N, M, 4].

    Args:
      counts: bool [N, M], whether an object is there and counts.
      excuses: bool [N, M], whether it is there and does not count.
    """
    counts, excuses = ops.expand_dims(counts, 1), ops.expand_dims(excuses, 1)
    shared = intersections(boxes, objects)  # [N, R, M]
    overlap = ops.where(counts, over_union(shared, boxes, objects), 0.0)
    most = ops.max(overlap, axis=1, keepdims=True)
    return Match(
        ops.argmax(overlap, axis=2),
        ops.max(overlap, axis=2),
        ops.any(excuses & (shared > COVERED * ops.expand_dims(areas(boxes), -1)), axis=2),
        ops.any((overlap == most) & (most > 0.0), axis=2),
    )


def labels_at(labels: Labels, match: Match) -> Labels:
    """Labels [N, R] of the matched objects, whose labels are int32 [N, M]."""
    return ops.take_along_axis(labels, match.objects, axis=1)


def boxes_at(objects: Tensor, match: Match) -> Tensor:
    """The matched objects [N, R, 4] of objects [N, M, 4]."""
    return ops.take_along_axis(objects, ops.expand_dims(match.objects, -1), axis=1)


def hardest(losses: Tensor, among: Tensor, count: int) -> Tensor:
    """Which of `among`, bool [N, R], have the `count` largest losses [N, R] of their row; those that are equal go together."""
    losses = ops.where(among, ops.stop_gradient(losses), -1.0)
    count = min(count, int(losses.shape[1])) if losses.shape[1] is not None else count
    least = ops.min(ops.top_k(losses, count)[0], axis=1, keepdims=True)
    return among & (losses >= least)


def displaced(boxes: Tensor, by: Tensor) -> Tensor:
    """Boxes [..., B, 4], each displaced in K ways, [..., B * K, 4] box by box, and cut off at the sides of the image.

    Args:
      by: float32 [K, 4], what is added to the four sides, as shares of the height and width of a box.
    """
    height, width = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    scale = ops.expand_dims(ops.stack([height, width, height, width], axis=-1), -2)  # [..., B, 1, 4]
    moved = ops.clip(ops.expand_dims(boxes, -2) + scale * by, 0.0, 1.0)
    return ops.reshape(moved, (*ops.shape(boxes)[:-2], ops.shape(boxes)[-2] * by.shape[0], 4))
