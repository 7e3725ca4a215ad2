"""The door of images in which objects are to be found."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.base_models.given import Given
from components.fewshot.doors.call import Call
from components.fewshot.doors.door import Door, Fitting, Support, way_of
from components.fewshot.doors.marks import Marks, marks
from components.fewshot.doors.pictures import Arrays, Pictures, each_of, pictures
from components.fewshot.doors.sides import Sides, hold_out
from components.fewshot.episodes.scenes import Marked
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.frames import Frames
from components.fewshot.images.object_arrays import ObjectArrays
from components.fewshot.images.object_rows import Object
from components.fewshot.learners.detection.detector import FOUND
from components.fewshot.learners.interface import Learner, TaskState
from components.fewshot.parallel import BATCH
from components.fewshot.serving.detector_server import reported
from components.fewshot.tensors import Images, Labels, Scalar, Tensor
from components.fewshot.training.settings import NOT_OF_BOXES, TrainingSettings

NOTE = "this model finds objects, whose boxes are ymin, xmin, ymax, xmax in 0..1 of each image"


class Found(NamedTuple):
    """What a detector finds in images, the surest first, whatever its score. A box is ymin, xmin, ymax, xmax in 0..1 of its image
    as it was given."""

    boxes: np.ndarray  # float32 [Q, 50, 4]
    scores: np.ndarray  # float32 [Q, 50]
    classes: np.ndarray  # int32 [Q, 50], 0..way-1; -1 where nothing more was found
    num_detections: np.ndarray  # int32 [Q]


class Scenes(Door):
    """Images of any size, boxes [n, 4] in each, and a label for each box; None is the label of an object that need not be found,
    such as a crowd."""

    fits = Call(
        "fit",
        ("images", "boxes", "labels"),
        NOTE,
        Fitting(query=2, negatives=2, validation_episodes=40)._asdict(),
    )
    adapts = Call("adapt", ("support_images", "support_boxes", "support_labels"), NOTE)

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._graphs = lru_cache(1)(_Graphs)  # of the learner that the last `fit` made

    def check_training(self, settings: TrainingSettings) -> None:
        """Raises ValueError if training would leave boxes behind, or tell labels wrongly."""
        for stage in (*settings.before, settings):
            if unfit := stage.not_of_boxes:
                raise ValueError(f"{unfit}: {NOT_OF_BOXES}")

    def sides(self, data: Mapping[str, Any], how: Fitting) -> Sides:
        """Images with an object of a class that is held out, whatever else they show, and the others."""
        if how.rotations:
            raise ValueError("rotations: expected False where images have boxes, got True")
        marked = marks("", data["boxes"], data["labels"], _count("images", data["images"]))
        shown = [{str(label) for label in own if label is not None} for own in marked.labels]
        classes = {name for own in shown for name in own}
        held_out = set(hold_out(sorted(classes), how.validation_split))
        given = pictures("images", data["images"], self.given.image)
        kept = np.array([bool(own & held_out) for own in shown], bool)
        validation = _store(given, marked, kept, strangers=classes - held_out) if held_out else None
        return Sides(_store(given, marked, ~kept, strangers=held_out), validation)

    def support(self, data: Mapping[str, Any]) -> Support:
        """Images, boxes in them, and a label for each box."""
        images = data["support_images"]
        marked = marks("support_", data["support_boxes"], data["support_labels"], _count("support_images", images))
        every = [
            (box, image, label)
            for image, (boxes, labels) in enumerate(zip(*marked, strict=True))
            for box, label in zip(boxes, labels, strict=True)
            if label is not None
        ]
        labels = np.array([label for _, _, label in every])
        way = way_of(labels, "box")
        boxes = np.array([box for box, _, _ in every], np.float32)
        box_images = np.array([image for _, image, _ in every], np.int32)
        given = pictures("support_images", images, self.given.image)
        return Support((given, boxes, box_images), labels.astype(np.int32), way)

    def adapt(self, learner: Learner, support: Support) -> TaskState:
        """The task state of a detector."""
        (pixels, frames), boxes, box_images = support.images
        marked = Marked(*map(tf.constant, (pixels, boxes, box_images)))
        return self._graphs(learner).adapt(marked, frames, tf.constant(support.labels), tf.constant(support.way))

    def predict(self, learner: Learner, state: TaskState, way: int, images: Arrays) -> Found:
        """What is found in images."""
        every = each_of("query_images", images)
        parts = [_nothing(), *self._found(learner, state, every)]
        return Found(*(np.concatenate(one) for one in zip(*parts, strict=True)))

    def _found(self, learner: Learner, state: TaskState, every: Sequence[np.ndarray]) -> Iterator[Found]:
        for start in range(0, len(every), BATCH):
            pixels, frames = pictures("query_images", every[start : start + BATCH], self.given.image, start)
            found = self._graphs(learner).predict(state, tf.constant(pixels), frames)
            yield Found(*(found[name].numpy() for name in Found._fields))


class _Graphs:
    """What a served detector does with encoded pictures, with pixels."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        compiled = partial(tf.function, autograph=False, reduce_retracing=True)
        self.adapt, self.predict = compiled(self._adapt), compiled(self._predict)

    def _adapt(self, support: Marked, frames: Frames, labels: Labels, way: Scalar) -> TaskState:
        boxes = frames.at(support.box_images).into(support.boxes)
        marked = support._replace(images=to_unit_range(support.images), boxes=boxes)
        return self._learner.adapt(self._learner.values(), marked, labels, way)

    def _predict(self, state: TaskState, images: Images, frames: Frames) -> dict[str, Tensor]:
        return reported(self._learner.predict(self._learner.values(), state, to_unit_range(images)), frames)


def _count(name: str, images: Arrays) -> int:
    return len(each_of(name, images))


def _store(given: Pictures, marked: Marks, kept: np.ndarray, strangers: set[str]) -> ObjectArrays:
    """The store of one side: those images that are kept, with objects of the other side as strangers."""
    scale, offset = (part.numpy() for part in given.frames)
    objects = []
    for number in np.flatnonzero(kept):
        boxes = marked.boxes[number] * scale[number] + offset[number]
        named = zip(marked.labels[number], boxes.tolist(), strict=True)
        objects.append(
            [
                Object("" if label is None else str(label), "", tuple(box), label is None, str(label) in strangers)
                for label, box in named
            ]
        )
    return ObjectArrays(given.pixels[kept], objects)


def _nothing() -> Found:
    """What is found in no image."""
    scores = np.zeros((0, FOUND), np.float32)
    return Found(np.zeros((0, FOUND, 4), np.float32), scores, scores.astype(np.int32), np.zeros(0, np.int32))
