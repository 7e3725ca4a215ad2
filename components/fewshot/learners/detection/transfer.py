"""An ordinary Faster R-CNN and a new head, the baseline to beat (TFA: Wang et al. 2020, https://arxiv.org/abs/2003.06957).

It is trained on batches of scenes to name all training classes, by cosines. For a new task the mean directions of the marked
objects become the head; with `head_steps`, gradient steps then fit the head and the background's logit to the marked objects and
to places beside them, all else staying as it is.
"""

import keras
import numpy as np
from keras import ops

from components.fewshot.base_models.faster_rcnn import CELLS
from components.fewshot.boxes.geometry import overlaps
from components.fewshot.boxes.matching import displaced
from components.fewshot.episodes.scene_task import SceneBatch
from components.fewshot.episodes.scenes import IGNORED, NOTHING, Marked
from components.fewshot.learners.detection.adam import descended
from components.fewshot.learners.detection.detector import SHIFTS, Detector, crops_at, in_a_row
from components.fewshot.learners.detection.heads import against_background, cosine_head, prototypes, unit_kernel
from components.fewshot.learners.detection.losses import ASIDE, REGION, region_loss
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.settings.detectors import TransferDetectorSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

FAR = 0.75  # of a side: too far to show the object, and too near to show another one whole
BESIDE = np.array([[FAR, 0, FAR, 0], [-FAR, 0, -FAR, 0], [0, FAR, 0, FAR], [0, -FAR, 0, -FAR]], np.float32)
PLACES = np.concatenate([SHIFTS, BESIDE])

MANY = 20.0  # scale of cosines to hundreds of classes, at the start


class OrdinaryDetector(Detector[SceneBatch]):
    """Base class of detectors that are trained to name all training classes. Task state: `directions` [way, D], zero for a class
    without an object, and `background` [1]."""

    unit = "shuffled"

    def build(self) -> list[keras.Variable]:
        """The logarithm of the scale, the background's logit, and directions of the training classes."""
        return [*cosine_head(scale=MANY), unit_kernel(self.base.feature_size, self.train_classes, self.seed)]

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The mean direction of each class."""
        return {"directions": prototypes(support, labels, way), "background": weights.own[1]}

    def classify(self, weights: Weights, head: TaskState, embeddings: Tensor) -> Logits:
        """The scaled cosines to the directions, and the background's logit."""
        return against_background(embeddings, head["directions"], weights.own[0], head["background"])

    def loss(self, weights: Weights, unit: SceneBatch) -> tuple[Scalar, Aux]:
        """Of the proposals and boxes in the scenes, and of what is named in them."""
        log_scale, background, kernel = weights.own
        maps, state = self.maps(weights, unit.scenes.images, training=True)
        nothing = ops.zeros((0, CELLS, CELLS, maps.shape[-1]))
        seen = self.seen(weights._replace(state=state), maps, unit.scenes, nothing)
        logits = against_background(seen.embeddings, kernel, log_scale, background)
        return seen.loss + region_loss(logits, seen.labels), self.aux(logits, seen.labels, seen.state)

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The new head."""
        return {"directions": Part((way, self.base.feature_size)), "background": Part((1,))}


class TransferDetector(OrdinaryDetector):
    """Only the head moves."""

    Settings = TransferDetectorSettings
    settings: TransferDetectorSettings

    def adapt(self, weights: Weights, support: Marked, labels: Labels, way: Way) -> TaskState:
        """The mean directions, and the steps from there."""
        maps, _ = self.maps(weights, support.images, training=False)
        head = self.fit(weights, self.marked(weights, maps, support), labels, way)
        if not self.settings.head_steps:
            return head
        near, shown = places(support, labels)
        vectors = self.looked_at(weights, in_a_row(crops_at(maps, near, support.box_images)))["embedding"]

        def loss(at: list[Tensor]) -> Scalar:
            return region_loss(against_background(vectors, at[0], weights.own[0], at[1]), shown)

        start = [head["directions"], head["background"]]
        directions, background = descended(loss, start, self.settings.head_steps, self.settings.head_rate)
        return {"directions": directions, "background": background}


def places(support: Marked, labels: Labels) -> tuple[Tensor, Labels]:
    """Boxes [B, PLACES, 4] at and beside each of the marked objects [B], and what they show, int32 [B * PLACES].

    What else may be in an image is not known, so no place further away counts as background.
    """
    images = ops.repeat(support.box_images, len(PLACES))
    near = displaced(support.boxes, ops.convert_to_tensor(PLACES))
    together = ops.expand_dims(images, 1) == support.box_images
    overlap = ops.where(together, overlaps(near, support.boxes), 0.0)  # [B * PLACES, B]
    most = ops.max(overlap, axis=1)
    beside = ops.where(most < ASIDE, NOTHING, IGNORED)
    shown = ops.where(most >= REGION, ops.take(labels, ops.argmax(overlap, axis=1)), beside)
    return ops.reshape(near, (-1, len(PLACES), 4)), shown
