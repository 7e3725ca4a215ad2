"""Augmentation of images with boxes: where an image moves, its boxes move with it.

As in `augmentation`, each image has its own draws, a pure function of a seed. Images are flipped, cropped, shifted and zoomed,
not turned: the box around a turned box would be too large. What lies beyond an image is white, as the bars of a padded one: a
reflection would show objects without boxes.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from keras import ops

from components.fewshot.boxes.geometry import areas, clip
from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.episodes.scenes import IGNORED, NOTHING, Scenes
from components.fewshot.tensors import Images, Tensor
from components.fewshot.training.augmentation import PLACES, draws_of, painted, plane_map, transformed
from components.fewshot.training.settings import AugmentationSettings

SEEN = 0.5  # share of an object that is still in its image, below which nobody need find it
STILL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)  # the map that moves nothing

Seeds = Callable[[], Tensor]


class Moved(NamedTuple):
    """Where the places of images [N] have come to: times `scale`, plus `offset`."""

    scale: Tensor  # float32 [N, 2], of y and x; below 0 where an image is mirrored
    offset: Tensor  # float32 [N, 2]

    def at(self, rows: Tensor) -> "Moved":
        """Those of some of the images, int32 [n]."""
        return Moved(ops.take(self.scale, rows, axis=0), ops.take(self.offset, rows, axis=0))

    def into(self, boxes: Tensor) -> Tensor:
        """Boxes [N, ..., 4] at their new places, which may lie beyond the image."""
        between = (1,) * (len(boxes.shape) - 2)
        scale, offset = (ops.reshape(part, (-1, *between, 2)) for part in self)
        one, other = boxes[..., :2] * scale + offset, boxes[..., 2:] * scale + offset
        return ops.concatenate([ops.minimum(one, other), ops.maximum(one, other)], axis=-1)


def augmented_scenes(
    unit: SceneTask | SceneBatch, settings: AugmentationSettings, seeds: Seeds
) -> SceneTask | SceneBatch:
    """The unit with images changed at random, each in its own way, and boxes where their objects are now.

    An object of which less than `SEEN` is left counts no longer. Where that would be one that is marked, its image stays at its
    place.

    Args:
      seeds: another seed, int64 [2], at each call.
    """
    if isinstance(unit, SceneBatch):
        return SceneBatch(_scenes(unit.scenes, settings, seeds()))
    support = unit.support
    images, moved = changed(support.images, settings, seeds(), (support.boxes, support.box_images))
    boxes = clip(moved.at(support.box_images).into(support.boxes))
    around, labels = placed(unit.around, unit.around_labels, moved)
    return unit._replace(
        support=support._replace(images=images, boxes=boxes),
        around=around,
        around_labels=labels,
        query=_scenes(unit.query, settings, seeds()),
    )


def changed(
    images: Images, settings: AugmentationSettings, seeds: Tensor, marks: tuple[Tensor, Tensor] | None = None
) -> tuple[Images, Moved]:
    """Images [N, H, W, C] changed at random, and where their places have come to.

    Args:
      marks: boxes [B, 4] that must stay in their images, and the images, int32 [B], that they are in.
    """
    draws = draws_of(images, seeds)
    height, width = images.shape[1:3]
    count = tf.shape(images)[0]
    still = ops.broadcast_to(ops.convert_to_tensor([STILL]), (count, len(STILL)))
    transform = plane_map(height, width, settings, tf.unstack(draws[:PLACES])) if settings.moves else still
    if marks is not None:
        boxes, own = marks
        lost = ~seen(moved_by(transform, height, width).at(own).into(boxes))
        loses = ops.any(
            ops.expand_dims(lost, 1) & (ops.expand_dims(own, 1) == ops.arange(count, dtype=own.dtype)), axis=0
        )
        transform = ops.where(ops.expand_dims(loses, 1), still, transform)
    if settings.moves:
        images = transformed(images, transform, "constant")
    return painted(images, settings, draws), moved_by(transform, height, width)


def moved_by(transform: Tensor, height: int, width: int) -> Moved:
    """What a map [N, 8] from new places to old, as `affine_transform` takes it, does to old ones. It does not turn."""
    across, right, down, below = (transform[:, place] for place in (0, 2, 4, 5))
    scale = ops.stack([1.0 / down, 1.0 / across], axis=1)
    # Its places are the middles of pixels, the first of which is 0; ours are in 0..1 from edge to edge.
    y, x = (0.5 + (-0.5 - below) / down) / height, (0.5 + (-0.5 - right) / across) / width
    return Moved(scale, ops.stack([y, x], axis=1))


def placed(boxes: Tensor, labels: Tensor, moved: Moved) -> tuple[Tensor, Tensor]:
    """Boxes [N, M, 4] at their new places, and their labels [N, M]: IGNORED where too little of an object is left."""
    there = moved.into(boxes)
    return clip(there), ops.where(seen(there) | (labels == NOTHING), labels, IGNORED)


def seen(boxes: Tensor) -> Tensor:
    """Whether enough of boxes [..., 4] is within 0..1, bool [...]."""
    return areas(clip(boxes)) >= SEEN * areas(boxes)


def _scenes(scenes: Scenes, settings: AugmentationSettings, seeds: Tensor) -> Scenes:
    images, moved = changed(scenes.images, settings, seeds)
    return Scenes(images, *placed(scenes.boxes, scenes.labels, moved))
