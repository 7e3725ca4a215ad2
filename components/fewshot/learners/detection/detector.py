"""What detectors share: proposals, what is seen within them, and the choice of what is reported.

The base model has the parts of `faster_rcnn`. A detector differs from another in how it names what is within a box.
"""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from keras import ops

from components.fewshot.base_models.faster_rcnn import CELLS
from components.fewshot.boxes.geometry import clip, decode
from components.fewshot.boxes.matching import displaced
from components.fewshot.boxes.roi_align import roi_align
from components.fewshot.boxes.suppression import surest
from components.fewshot.episodes.scenes import STRANGER, Detections, Marked, Scenes
from components.fewshot.learners.detection.losses import Labelled, box_loss, labelled, proposal_loss
from components.fewshot.learners.interface import Aux, Learner, TaskState, Unit, Weights
from components.fewshot.settings.detectors import DetectorSettings
from components.fewshot.tensors import Images, Labels, Logits, Scalar, Tensor, Vectors, Way

CANDIDATES = 4  # times as many proposals as asked for are looked at before those that overlap are dropped
SAME = 0.4  # overlap from which on two detections of a class are one; boxes of kinds that are new are loose
FOUND = 50  # detections of an image
# Regions of a training image, and how many of them may lie near objects, whatever is proposed.
TRAINED_ON, NEAR = 40, 24
# Where a proposal may lie beside its object; trained on beside the proposals, which hit nothing at first.
SHIFTS = np.array([[0, 0, 0, 0], [0.1, -0.08, 0.1, -0.08], [-0.1, 0.08, 0.05, 0.15]], np.float32)


class Proposals(NamedTuple):
    """Regions of images that may show an object, the surest first."""

    boxes: Tensor  # float32 [N, R, 4]
    objectness: Tensor  # float32 [N, R], a probability; 0 where there are fewer


class Regions(NamedTuple):
    """What is seen in regions."""

    embeddings: Tensor  # float32 [N, R, D]
    better: Tensor  # float32 [N, R, 4], better boxes


class Seen(NamedTuple):
    """What a detector makes of training scenes."""

    embeddings: Tensor  # float32 [N, R, D], of regions
    labels: Labels  # int32 [N, R], as in `Labelled`
    beside: Vectors  # float32 [B, D], of the crops that were looked at beside them
    loss: Scalar  # of proposals and boxes
    state: list[Tensor]  # non-trainable weights of the base model afterwards


class Detector(Learner[Unit]):
    """Base class of learners that find objects. `adapt` takes a `Marked`, and `predict` returns `Detections`."""

    Settings = DetectorSettings
    settings: DetectorSettings

    @abstractmethod
    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The head of a new task, from the embeddings [B, D] of marked objects and their labels [B]."""

    @abstractmethod
    def classify(self, weights: Weights, head: TaskState, embeddings: Tensor) -> Logits:
        """Logits [N, R, way + 1] of embeddings [N, R, D] of regions; the last is that of background."""

    def adapt(self, weights: Weights, support: Marked, labels: Labels, way: Way) -> TaskState:
        """The head on the marked objects; images without one, and classes without one, do no harm."""
        maps, _ = self.maps(weights, support.images, training=False)
        return self.fit(weights, self.marked(weights, maps, support), labels, way)

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Detections:
        """The objects in query images [Q, H, W, C], image by image: what is found in one depends on no other, to the last bit."""

        def one(image: Tensor) -> Detections:
            found = self._found(weights, task_state, ops.expand_dims(image, 0))
            return Detections(*(ops.squeeze(part, 0) for part in found))

        return Detections(*ops.map(one, query))

    def propose(self, weights: Weights, query: Images) -> Proposals:
        """Regions of query images that may show an object of whatever class."""

        def one(image: Tensor) -> Proposals:
            maps, _ = self.maps(weights, ops.expand_dims(image, 0), training=False)
            found = self.proposed(self.part(weights, "rpn", maps), self.settings.proposals)
            return Proposals(*(ops.squeeze(part, 0) for part in found))

        return Proposals(*ops.map(one, query))

    def tuned(self, weights: Weights, task_state: TaskState) -> Weights:
        """The weights by which queries are seen: those of the base model, unless adaptation moves some."""
        return weights

    def _found(self, weights: Weights, task_state: TaskState, query: Images) -> Detections:
        weights = self.tuned(weights, task_state)
        maps, _ = self.maps(weights, query, training=False)
        proposals = self.proposed(self.part(weights, "rpn", maps), self.settings.proposals)
        regions = self.regions(weights, maps, proposals.boxes)
        if self.settings.cascade:
            regions = self.regions(weights, maps, regions.better)
        named = ops.softmax(self.classify(weights, task_state, regions.embeddings))[..., :-1]
        scores = ops.sqrt(named * ops.expand_dims(proposals.objectness, -1))
        return Detections(*surest(regions.better, scores, SAME, FOUND))

    def maps(self, weights: Weights, images: Images, training: bool) -> tuple[Tensor, list[Tensor]]:
        """The maps [N, h, w, C] of images, and the state afterwards."""
        return self.base.part(
            "features", weights.base, weights.state, images, training=training, batch_statistics=training
        )

    def part(self, weights: Weights, name: str, inputs: Tensor) -> dict[str, Tensor]:
        """What a part of the base model that keeps no moments makes of its inputs."""
        made, _ = self.base.part(name, weights.base, weights.state, inputs, training=False, batch_statistics=False)
        return made

    def proposed(self, rpn: dict[str, Tensor], count: int) -> Proposals:
        """The surest proposals of what the RPN says, `count` of each image."""
        logits = ops.stop_gradient(rpn["objectness"])
        logits, places = ops.top_k(logits, min(CANDIDATES * count, logits.shape[1]))
        places = ops.expand_dims(places, -1)
        deltas, anchors = (
            ops.take_along_axis(ops.stop_gradient(rpn[name]), places, 1) for name in ("deltas", "anchors")
        )
        scores = ops.expand_dims(ops.sigmoid(logits), -1)
        boxes, scores, _ = surest(clip(decode(deltas, anchors)), scores, self.settings.alike, count)
        return Proposals(boxes, scores)

    def regions(self, weights: Weights, maps: Tensor, boxes: Tensor) -> Regions:
        """What is seen in boxes [N, R, 4] of maps [N, h, w, C]."""
        made = self.looked_at(weights, in_a_row(roi_align(maps, boxes, CELLS)))
        deltas = by_image(made["deltas"], boxes)
        return Regions(by_image(made["embedding"], boxes), clip(decode(deltas, boxes)))

    def looked_at(self, weights: Weights, crops: Tensor) -> dict[str, Tensor]:
        """The `embedding` [B, D] of crops [B, CELLS, CELLS, C] of maps, and the `deltas` [B, 4] of their boxes."""
        return self.part(weights, "roi_head", crops)

    def marked(self, weights: Weights, maps: Tensor, support: Marked) -> Vectors:
        """Embeddings [B, D] of the marked objects of a support set whose images have these maps [I, h, w, C]."""
        crops = crops_at(maps, ops.expand_dims(support.boxes, 1), support.box_images)
        return self.looked_at(weights, in_a_row(crops))["embedding"]

    def marked_crops(self, maps: Tensor, support: Marked) -> Tensor:
        """What the maps hold within the marked objects, [B, CELLS, CELLS, C], to be trained by.

        As products with ones and zeros, whose gradient is one, too, and no scattered sum; each object has a copy of its map.
        """
        count = ops.shape(maps)[0]
        of_box = ops.cast(ops.expand_dims(support.box_images, 1) == ops.arange(count, dtype="int32"), maps.dtype)
        own = ops.reshape(ops.matmul(of_box, ops.reshape(maps, (count, -1))), (-1, *maps.shape[1:]))
        return ops.squeeze(roi_align(own, ops.expand_dims(support.boxes, 1), CELLS), 1)

    def seen(self, weights: Weights, maps: Tensor, scenes: Scenes, beside: Tensor) -> Seen:
        """What is seen in training scenes with these maps: in proposals, and in places near each object.

        Args:
          beside: crops [B, CELLS, CELLS, C] that are looked at in the same batch, maybe none.
        """
        rpn = self.part(weights, "rpn", maps)
        boxes = self._trained_on(self.proposed(rpn, TRAINED_ON), scenes)
        target, together = labelled(boxes, scenes), ops.concatenate([beside, in_a_row(roi_align(maps, boxes, CELLS))])
        made, state = self.base.part(
            "roi_head", weights.base, weights.state, together, training=True, batch_statistics=True
        )
        cut = ops.shape(beside)[0]
        embeddings, deltas = (by_image(made[name][cut:], boxes) for name in ("embedding", "deltas"))
        loss = proposal_loss(rpn, scenes) + box_loss(deltas, boxes, target.boxes, target.labels >= STRANGER)
        return Seen(embeddings, target.labels, made["embedding"][:cut], loss, state)

    def _trained_on(self, proposals: Proposals, scenes: Scenes) -> Tensor:
        """Regions [N, TRAINED_ON, 4]: near the objects, all at their places before any beside them, and the surest proposals."""
        near, each = displaced(scenes.boxes, ops.convert_to_tensor(SHIFTS)), len(SHIFTS)
        there = ops.repeat(ops.cast(scenes.labels >= STRANGER, "float32"), each, axis=1)
        first = there * (1.0 + ops.tile(np.linspace(2, 1, each, dtype=np.float32), [scenes.boxes.shape[1]]))
        found, sure = _surest(near, first, min(NEAR, near.shape[1]))
        boxes = ops.concatenate([found, proposals.boxes], axis=1)
        return _surest(boxes, ops.concatenate([sure, proposals.objectness], axis=1), TRAINED_ON)[0]

    def aux(self, logits: Logits, labels: Labels, state: list[Tensor]) -> Aux:
        """What a loss leaves: of the regions [N, R] those count in the accuracy that show an object of a class."""
        return Aux(ops.reshape(logits, (-1, ops.shape(logits)[-1])), ops.reshape(labels, (-1,)), state)


def crops_at(maps: Tensor, boxes: Tensor, box_images: Tensor) -> Tensor:
    """Crops [B, K, CELLS, CELLS, C] of K boxes [B, K, 4] each, which lie in images box_images [B] with these maps [I, h, w, C].

    One after the other: a support set may mark many objects, and the maps are large.
    """

    def one(box: tuple[Tensor, Tensor]) -> Tensor:
        places, image = box
        own = ops.expand_dims(ops.take(maps, image, axis=0), 0)
        return ops.squeeze(roi_align(own, ops.expand_dims(places, 0), CELLS), 0)

    return ops.map(one, (boxes, box_images))


def in_a_row(crops: Tensor) -> Tensor:
    """Crops [N * R, h, w, C] of crops [N, R, h, w, C]."""
    return ops.reshape(crops, (-1, *crops.shape[2:]))


def by_image(values: Tensor, boxes: Tensor) -> Tensor:
    """Values [N, R, K] of values [N * R, K] of boxes [N, R, 4]."""
    return ops.reshape(values, (*ops.shape(boxes)[:2], values.shape[-1]))


def _surest(boxes: Tensor, scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` boxes of each image with the highest scores, [N, count, 4] of [N, R, 4], and their scores."""
    best, places = ops.top_k(scores, count)
    return ops.take_along_axis(boxes, ops.expand_dims(places, -1), axis=1), best


__all__ = ["Detector", "Labelled", "Proposals", "Regions", "Seen"]
