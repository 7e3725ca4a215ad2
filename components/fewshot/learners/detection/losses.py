"""What a detector is trained by. Losses of boxes of the classes, of strangers and of background are averaged each by itself:
there is so much background that otherwise nothing else would count."""

from typing import NamedTuple

from keras import ops

from components.fewshot.boxes.geometry import areas, encode
from components.fewshot.boxes.matching import Match, boxes_at, hardest, labels_at, match
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Scenes
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor

OBJECT, ASIDE = 0.5, 0.3  # overlap from which on an anchor is an object, and below which it is background
REGION = 0.5  # overlap from which on a region shows an object; below it is background
NEGATIVES = 48  # anchors of an image, the hardest


class Labelled(NamedTuple):
    """Regions and what they show."""

    boxes: Tensor  # [N, R, 4], the object of each that shows one
    labels: Labels  # int32 [N, R]: of the object; NOTHING for background, IGNORED where it does not count


def mean_of(values: Tensor, among: Tensor) -> Scalar:
    """Mean of values [...] among those of a mask [...]; 0 where there is none."""
    chosen = ops.cast(among, values.dtype)
    return ops.sum(values * chosen) / ops.maximum(ops.sum(chosen), 1.0)


def matched(boxes: Tensor, scenes: Scenes) -> Match:
    """Boxes [N, R, 4] matched with the objects of their scenes, strangers among them."""
    return match(boxes, scenes.boxes, scenes.labels >= STRANGER, scenes.labels == IGNORED)


def labelled(boxes: Tensor, scenes: Scenes) -> Labelled:
    """What regions [N, R, 4] show; an empty one does not count."""
    found = matched(boxes, scenes)
    background = ops.where(found.excused, IGNORED, NOTHING)
    labels = ops.where(found.overlap >= REGION, labels_at(scenes.labels, found), background)
    labels = ops.where(areas(boxes) > 0.0, labels, IGNORED)
    return Labelled(boxes_at(scenes.boxes, found), labels)


def proposal_loss(proposals: dict[str, Tensor], scenes: Scenes) -> Scalar:
    """Of the objectness and the displacements of anchors: a stranger is an object like any other."""
    anchors = proposals["anchors"]
    found = matched(anchors, scenes)
    objects = (found.overlap >= OBJECT) | found.best
    background = (found.overlap < ASIDE) & ~found.excused & ~found.best
    logits = proposals["objectness"]
    wrong = ops.softplus(logits)
    # The hardest alone hold the objectness even everywhere for long: any rise is a hard one somewhere.
    negatives = mean_of(wrong, background) + mean_of(wrong, hardest(wrong, background, NEGATIVES))
    return (
        mean_of(ops.softplus(-logits), objects)
        + negatives / 2
        + box_loss(proposals["deltas"], anchors, boxes_at(scenes.boxes, found), objects)
    )


def box_loss(deltas: Tensor, anchors: Tensor, boxes: Tensor, among: Tensor) -> Scalar:
    """Of displacements [N, R, 4] from anchors [N, R, 4] to boxes [N, R, 4], where a mask [N, R] says so."""
    wanted = ops.stop_gradient(ops.where(ops.expand_dims(among, -1), encode(boxes, anchors), 0.0))
    return mean_of(ops.mean(huber(deltas - wanted), axis=-1), among)


def huber(errors: Tensor) -> Tensor:
    """Squared where it is below 1, and linear beyond."""
    size = ops.abs(errors)
    return ops.where(size < 1.0, 0.5 * size * size, size - 0.5)


def region_loss(logits: Logits, labels: Labels) -> Scalar:
    """Cross-entropy of regions, logits [N, R, classes + 1] with background as the last; labels [N, R] as in `Labelled`.

    What is of no class weighs as much as what is of one.
    """
    logs = ops.log_softmax(logits)
    classes = ops.shape(logits)[-1] - 1
    shares = ops.cast(ops.expand_dims(labels, -1) == ops.arange(classes, dtype=labels.dtype), logs.dtype)
    of_classes, of_background = -ops.sum(logs[..., :-1] * shares, axis=-1), -logs[..., -1]
    return (
        mean_of(of_classes, labels >= 0)
        + mean_of(of_background, labels == STRANGER) / 2
        + mean_of(of_background, labels == NOTHING) / 2
    )
