"""A detector as a SavedModel that adapts when it is called. Boxes are of the pictures as a person sees them."""

import tensorflow as tf

from components.fewshot.episodes.scenes import Detections, Marked
from components.fewshot.images.frames import Frames, frames
from components.fewshot.learners.detection.detector import Detector
from components.fewshot.serving.module import LABELS, STATE, STRINGS, WAY, ServingModule, Signature, named
from components.fewshot.serving.state import once
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Labels, Preprocess, Tensor

BOXES = tf.TensorSpec([None, 4], tf.float32)
BEYOND = 1e-3  # by which edges that were rounded may leave 0..1

AS = "as ymin, xmin, ymax, xmax in 0..1 of the picture"
NOT_FINITE = f"support_boxes must be numbers, {AS}"
OUTSIDE = f"support_boxes must lie in the picture, {AS}: divide pixels by its height and width"
NO_AREA = f"support_boxes must have ymin < ymax and xmin < xmax, {AS}"
NO_SUCH_IMAGE = "support_box_images must be 0..I-1, the place of the picture of each box in support_images"
UNEQUAL = "support_boxes and support_box_images differ in length"


class DetectorServer(ServingModule):
    """Finds objects.

    Args:
      learner: with the weights to serve in its variables.
      preprocess: encoded images (string [B]) to pixels [B, H, W, C], as in training.
      image: the form to which `preprocess` brings them.
      resources: objects that `preprocess` needs; they are kept alive.

    Raises:
      ValueError: `image` cuts off parts of a picture.
    """

    def __init__(self, learner: Detector, preprocess: Preprocess, image: ImageSpec, resources: object = None) -> None:
        super().__init__(learner, preprocess, resources)
        self._detector = learner
        # A function for the reason for which `see` is one.
        self._frames = tf.function(lambda encoded: frames(encoded, image), autograph=False).get_concrete_function(
            encoded=STRINGS
        )

    def signatures(self) -> dict[str, Signature]:
        """The signatures, as concrete functions."""
        support = {
            "support_images": STRINGS,
            "support_boxes": BOXES,
            "support_box_images": LABELS,
            "support_labels": LABELS,
        }
        adapt = named(self.adapt, **support)
        predict = named(self.predict, task_state=STATE, num_classes=WAY, query_images=STRINGS)

        def episode(query_images: Tensor, **given: Tensor) -> dict[str, Tensor]:
            """Adapts and predicts in one call; its graph calls the two, and does not hold them once more."""
            return predict(query_images=query_images, **adapt(**given))

        return {
            "serving_default": named(episode, **support, query_images=STRINGS),
            "adapt": adapt,
            "predict": predict,
            "propose": named(self.propose, images=STRINGS),
        }

    def adapt(
        self, support_images: Tensor, support_boxes: Tensor, support_box_images: Tensor, support_labels: Labels
    ) -> dict[str, Tensor]:
        """The task state as one vector, float32 [P], for `predict`, from marked objects: their boxes float32 [B, 4], the number
        of the image that each is in, int32 [B], and their labels int32 [B]. An image may hold any number of them."""
        way = self._checked_way("support_boxes", support_boxes, support_labels, "object")
        with tf.control_dependencies([way]):
            boxes, box_images = _checked(support_images, support_boxes, support_box_images)
        seen = self.see(encoded=support_images)
        with tf.control_dependencies([seen]):  # there is no frame of an image that is refused
            into = self._shown(support_images).at(box_images)
        marked = Marked(seen, into.into(boxes), box_images)
        return self._packed(self._detector.adapt(self._current(), marked, support_labels, way), way)

    def predict(self, task_state: Tensor, num_classes: Tensor, query_images: Tensor) -> dict[str, Tensor]:
        """Under a task state, the surest objects in each image: boxes float32 [Q, N, 4], scores float32 [Q, N] and classes int32
        [Q, N], of which the first `num_detections`, int32 [Q], were found; the others are of the class -1."""
        state = self._unpacked(task_state, num_classes)
        found: Detections = self._detector.predict(self._current(), state, self.see(encoded=query_images))
        return reported(found, self._shown(query_images))

    def propose(self, images: Tensor) -> dict[str, Tensor]:
        """Places of objects of whatever class: boxes float32 [Q, R, 4] and scores float32 [Q, R], the surest first; 0 where there
        are fewer."""
        found = self._detector.propose(self._current(), self.see(encoded=images))
        boxes = self._shown(images).out_of(found.boxes)
        boxes, scores = _first(_has_area(boxes), boxes, found.objectness)
        return {"boxes": boxes, "scores": scores}

    def _shown(self, images: Tensor) -> Frames:
        return Frames(*self._frames(encoded=images))


def reported(found: Detections, frames: Frames) -> dict[str, Tensor]:
    """What `DetectorServer.predict` returns for what a learner found in what the network sees of pictures."""
    boxes = frames.out_of(found.boxes)
    there = (found.classes >= 0) & _has_area(boxes)
    boxes, scores, classes = _first(there, boxes, found.scores, found.classes + 1)  # 0 where there is none
    count = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
    return {"boxes": boxes, "scores": scores, "classes": classes - 1, "num_detections": count}


def _checked(images: Tensor, boxes: Tensor, box_images: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes [B, 4] within 0..1, and the images that they are in; the graph asserts that they are valid."""
    boxes = once(tf.equal(tf.shape(boxes)[0], tf.size(box_images)), UNEQUAL, boxes)
    boxes = once(tf.reduce_all(tf.math.is_finite(boxes)), NOT_FINITE, boxes)
    boxes = once(tf.reduce_all((boxes >= -BEYOND) & (boxes <= 1 + BEYOND)), OUTSIDE, boxes)
    boxes = tf.clip_by_value(boxes, 0.0, 1.0)
    boxes = once(tf.reduce_all(_has_area(boxes)), NO_AREA, boxes)
    known = tf.reduce_all((box_images >= 0) & (box_images < tf.size(images)))
    return boxes, once(known, NO_SUCH_IMAGE, box_images)


def _has_area(boxes: Tensor) -> Tensor:
    """Whether each of boxes [..., 4] has any area."""
    return (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])


def _first(there: Tensor, *parts: Tensor) -> list[Tensor]:
    """The rows of parts [Q, N, ...] that are `there` (bool [Q, N]) in their order, and then zeros."""
    order = tf.argsort(tf.cast(~there, tf.int32), axis=1, stable=True)
    masks = [there if len(part.shape) == 2 else there[..., tf.newaxis] for part in parts]
    kept = [tf.where(mask, part, tf.zeros_like(part)) for mask, part in zip(masks, parts, strict=True)]
    return [tf.gather(part, order, batch_dims=1) for part in kept]
