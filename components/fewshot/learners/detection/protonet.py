"""Prototypes of boxes: prototypical networks (Snell et al. 2017, https://arxiv.org/abs/1703.05175) name what Faster R-CNN finds.

The prototype of a class is the mean of the embeddings of its marked objects. A region belongs to a class by the cosine to its
prototype with a learned scale, or to the background, which has a learned logit. RepMet (Karlinsky et al. 2019,
https://arxiv.org/abs/1806.04728) and Meta R-CNN (Yan et al. 2019, https://arxiv.org/abs/1909.13032) are near relatives.

Most of what is found by mistake is a stranger that looks like a class. As where speakers are told apart, it helps to compare with
a cohort of others (Auckenthaler et al. 2000, https://doi.org/10.1006/dspr.1999.0360): here, with the training classes, which the
auxiliary classifier knows directions of.
"""

import keras
from keras import ops

from components.fewshot.episodes.scene_task import SceneTask
from components.fewshot.episodes.scenes import IGNORED
from components.fewshot.learners.detection.detector import Detector, Seen
from components.fewshot.learners.detection.heads import (
    against_background,
    cosine_head,
    cosines,
    prototypes,
    unit_kernel,
)
from components.fewshot.learners.detection.losses import region_loss
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.settings.detectors import ProtoNetDetectorSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

MANY = 20.0  # scale of cosines to hundreds of classes, at the start


class ProtoNetDetector(Detector[SceneTask]):
    """Task state: `prototypes` [way, D] of unit length, zero for a class without an object."""

    Settings = ProtoNetDetectorSettings
    settings: ProtoNetDetectorSettings

    def build(self) -> list[keras.Variable]:
        """The logarithm of the scale, the background's logit, and directions of the training classes where they are used."""
        return cosine_head() + self._auxiliary_head()

    def _auxiliary_head(self) -> list[keras.Variable]:
        if not self.settings.auxiliary:
            return []
        kernel = unit_kernel(self.base.feature_size, self.train_classes, self.seed)
        return [*cosine_head("auxiliary_", MANY), kernel]

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The mean direction of each class."""
        return {"prototypes": prototypes(support, labels, way)}

    def classify(self, weights: Weights, head: TaskState, embeddings: Tensor) -> Logits:
        """The scaled cosines to the prototypes, less what the cohort has of them, and the background's logit."""
        return self._named(weights, head, embeddings, self._in_cohort(weights, embeddings))

    def _named(self, weights: Weights, head: TaskState, embeddings: Tensor, less: Tensor | float = 0.0) -> Logits:
        log_scale, background = weights.own[:2]
        return against_background(embeddings, head["prototypes"], log_scale, background, less)

    def _in_cohort(self, weights: Weights, embeddings: Tensor) -> Tensor | float:
        """Share [..., 1] of the cosine to the training class that is most alike.

        Not in training, where it may be the very class.
        """
        if not self.settings.cohort:
            return 0.0
        *_, kernel = weights.own
        return self.settings.cohort * ops.max(cosines(embeddings, kernel), axis=-1, keepdims=True)

    def loss(self, weights: Weights, unit: SceneTask) -> tuple[Scalar, Aux]:
        """Of the proposals and boxes in all images of the episode, and of what is named in them: among the classes of the
        episode, and with `auxiliary` among all training classes."""
        scenes = unit.scenes
        maps, state = self.maps(weights, scenes.images, training=True)
        marked = self.marked_crops(maps[: ops.shape(unit.support.images)[0]], unit.support)
        seen = self.seen(weights._replace(state=state), maps, scenes, marked)
        head = self.fit(weights, seen.beside, unit.support_labels, unit.way)
        logits, labels = self._named(weights, head, seen.embeddings), unmarked(unit.in_episode(seen.labels), unit)
        loss = seen.loss + region_loss(logits, labels) + self._auxiliary(weights, seen, unit)
        return loss, self.aux(logits, labels, seen.state)

    def _auxiliary(self, weights: Weights, seen: Seen, unit: SceneTask) -> Scalar | float:
        """Cross-entropy of the marked objects and of the regions that show an object, against all training classes."""
        if not self.settings.auxiliary:
            return 0.0
        log_scale, background, kernel = weights.own[2:]
        regions = region_loss(against_background(seen.embeddings, kernel, log_scale, background), seen.labels)
        marked = against_background(ops.expand_dims(seen.beside, 0), kernel, log_scale, background)
        known = ops.expand_dims(ops.take(unit.class_ids, unit.support_labels), 0)
        return self.settings.auxiliary * (regions + region_loss(marked, known))

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The prototypes."""
        return {"prototypes": Part((way, self.base.feature_size))}


def unmarked(labels: Labels, unit: SceneTask) -> Labels:
    """Labels [I + Q, R] of regions, IGNORED where a region of a support image shows a class that is marked in that image: to know
    an object by itself teaches nothing."""
    marks, given = unit.support.box_images, ops.shape(unit.support.images)[0]
    in_image = ops.expand_dims(marks, 1) == ops.arange(given, dtype=marks.dtype)  # [B, I]
    of_class = ops.expand_dims(unit.support_labels, 1) == ops.arange(unit.way, dtype=labels.dtype)  # [B, way]
    known = ops.any(ops.expand_dims(in_image, 2) & ops.expand_dims(of_class, 1), axis=0)  # [I, way]
    first = labels[:given]
    itself = (first >= 0) & ops.take_along_axis(known, ops.maximum(first, 0), axis=1)
    return ops.concatenate([ops.where(itself, IGNORED, first), labels[given:]])
