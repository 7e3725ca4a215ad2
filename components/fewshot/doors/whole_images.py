"""The door of images that have a class as a whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from components.fewshot.base_models.given import Given
from components.fewshot.doors.call import Call
from components.fewshot.doors.door import Door, Fitting, Support, way_of
from components.fewshot.doors.sides import Sides, hold_out
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners.interface import Learner, TaskState
from components.fewshot.parallel import BATCH, in_parallel
from components.fewshot.training.settings import TrainingSettings

QUERIES = 256  # in memory at a time
NOTE = (
    "this model says what a whole image is; one that finds objects, of which boxes tell the places, is"
    " MetaLearningModel('faster_rcnn', image_shape=(H, W, C))"
)


class WholeImages(Door):
    """Images uint8 or floats in 0..1 [N, H, W, C], and a label for each."""

    fits = Call("fit", ("images", "labels"), NOTE, Fitting()._asdict())
    adapts = Call("adapt", ("support_images", "support_labels"), NOTE)

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        if trunk := given.base.trunk:
            self._compiled_trunk = tf.function(
                lambda images: trunk(trunk.values(), images), autograph=False, reduce_retracing=True
            )

    def check_training(self, settings: TrainingSettings) -> None:
        """Any way will do."""

    def sides(self, data: Mapping[str, Any], how: Fitting) -> Sides:
        """Images of the classes that are held out, and those of the others."""
        images = self._checked(data["images"])
        labels = one_label_each(data["labels"], images)
        self._check_episodes(how)
        held_out = hold_out(np.unique(labels).astype(str).tolist(), how.validation_split)
        kept = np.isin(labels.astype(str), held_out)
        validation = ArrayStore(images[kept], labels[kept]) if held_out else None
        return Sides(ArrayStore(images[~kept], labels[~kept]), validation)

    def seen(self, images: np.ndarray) -> np.ndarray:
        """What a frozen trunk makes of images [N, H, W, C], if there is one."""
        trunk = self.given.base.trunk
        if trunk is None:
            return images
        parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        found = in_parallel(lambda part: self._compiled_trunk(to_unit_range(tf.constant(part))).numpy(), parts)
        return np.concatenate([np.zeros((0, *trunk.output_shape), np.float32), *found])

    def support(self, data: Mapping[str, Any]) -> Support:
        """Images [S, H, W, C] and a label for each."""
        images = data["support_images"]
        labels = one_label_each(data["support_labels"], images)
        way = way_of(labels, "image")
        return Support(self._checked(images), labels.astype(np.int32), way)

    def adapt(self, learner: Learner, support: Support) -> TaskState:
        """The task state of the learner."""
        images, labels = self._tensor(support.images), tf.constant(support.labels)
        return learner.adapt(learner.values(), images, labels, support.way)

    def predict(self, learner: Learner, state: TaskState, way: int, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [Q, way] of images [Q, H, W, C]."""
        size = QUERIES if learner.inductive else max(1, len(images))
        batches = [np.zeros((0, way), np.float32)]
        for start in range(0, len(images), size):
            queries = self._tensor(self._checked(images[start : start + size]))
            logits = learner.predict(learner.values(), state, queries)
            batches.append(learner.probabilities(logits).numpy())
        return np.concatenate(batches)

    def _check_episodes(self, how: Fitting) -> None:
        if how.negatives:
            raise ValueError(f"negatives: expected 0 where an image has a class as a whole, got {how.negatives}")
        if self.given.base.trunk and how.rotations:
            raise ValueError("rotations need trainable='all': a frozen trunk sees each image only once, and not turned")
        height, width, _ = self.given.image.shape
        if how.rotations and height != width:
            raise ValueError(f"rotations need square images, got {height} x {width}")

    def _tensor(self, images: np.ndarray) -> tf.Tensor:
        """What the learner is given of images [N, H, W, C]: floats in 0..1, or what a frozen trunk makes of these."""
        return to_unit_range(tf.constant(self.seen(images)))

    def _checked(self, images: np.ndarray) -> np.ndarray:
        """The images; raises ValueError if they have another shape or other values than the base model takes."""
        images, shape = np.asarray(images), self.given.image.shape
        if images.ndim != 4 or images.shape[1:] != shape:
            wanted = f"[N, {', '.join(map(str, shape))}]"
            raise ValueError(f"images: expected {wanted} as the base model takes them, got {images.shape}")
        if images.dtype != np.uint8 and images.size and (images.min() < 0 or images.max() > 1):
            span = f"{images.dtype} from {images.min():g} to {images.max():g}"
            raise ValueError(f"images: expected uint8 in 0..255 or floats in 0..1, got {span}")
        return images


def one_label_each(labels: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Labels [N], also of [N, 1]; raises ValueError if there is not one for each image."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(images),):
        raise ValueError(f"labels: expected one number for each of {len(images)} images, got shape {labels.shape}")
    return labels
