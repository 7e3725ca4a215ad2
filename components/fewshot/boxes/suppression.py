"""Of boxes that overlap much only the surest is kept (greedy non-maximum suppression), for each class by itself.

Whether a box is kept depends only on surer ones: it is, unless one of them that is kept overlaps it. Starting from all boxes
and applying this sentence to all at once, the answer of the greedy algorithm is reached after as many rounds as its longest
chain of decisions, mostly three or four. There is no order to sort by, so all images and classes are done together, by any
backend; TensorFlow's own operation has no kernel for a GPU.
"""

from keras import ops

from components.fewshot.boxes.geometry import overlaps
from components.fewshot.tensors import Scalar, Tensor


def kept(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Which boxes are kept, bool [N, R, K].

    Args:
      boxes: [N, R, 4], the same for all classes.
      scores: [N, R, K] of K classes. Of equal ones the earlier is the surer.
      threshold: overlap from which on one of two boxes is suppressed.
    """
    boxes, scores = ops.stop_gradient(boxes), ops.stop_gradient(scores)
    alike = ops.expand_dims(overlaps(boxes, boxes) >= threshold, -1)  # [N, R, R, 1]
    own, other = ops.expand_dims(scores, 2), ops.expand_dims(scores, 1)
    place = ops.arange(ops.shape(scores)[1])
    earlier = ops.reshape(ops.expand_dims(place, 1) > place, (1, ops.shape(scores)[1], -1, 1))
    beaten = alike & ((other > own) | ((other == own) & earlier))  # [N, R, by R, K]

    def unsettled(now: Tensor, before: Tensor) -> Scalar:
        return ops.any(now != before)

    def decide(now: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        return ops.logical_not(ops.any(beaten & ops.expand_dims(now, 1), axis=2)), now

    everything = ops.ones_like(scores, dtype="bool")
    return ops.while_loop(unsettled, decide, decide(everything, everything))[0]


def surest(boxes: Tensor, scores: Tensor, threshold: float, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The surest of the boxes that are kept, in order: boxes [N, count, 4], scores [N, count] and classes int32 [N, count].

    Where fewer are kept, or their score is not above 0, boxes and scores are 0 and classes -1.

    Args:
      boxes, scores, threshold: as in `kept`.
    """
    classes = ops.shape(scores)[2]
    scores = ops.where(kept(boxes, scores, threshold), scores, 0.0)
    flat = ops.reshape(scores, (ops.shape(scores)[0], -1))
    flat = ops.pad(flat, ((0, 0), (0, count)))  # there may be fewer than `count`
    best, places = ops.top_k(flat, count)
    there = best > 0.0
    rows = ops.where(there, places // classes, 0)
    chosen = ops.take_along_axis(boxes, ops.expand_dims(rows, -1), axis=1)
    return (
        ops.where(ops.expand_dims(there, -1), chosen, 0.0),
        ops.where(there, best, 0.0),
        ops.where(there, ops.cast(places % classes, "int32"), -1),
    )
