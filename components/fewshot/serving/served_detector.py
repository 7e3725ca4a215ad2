"""An exported detector as a client sees it. Boxes are of the pictures as a person sees them, in 0..1."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.scenes import Detections
from components.fewshot.serving.client import Client, label_numbers, numbers, strings
from components.fewshot.serving.served_state import ServedState


class Places(NamedTuple):
    """Where in pictures something may be, the surest first."""

    boxes: np.ndarray  # float32 [Q, R, 4]
    scores: np.ndarray  # float32 [Q, R]; 0 where there are fewer


class ServedDetector(Client):
    """Calls the signatures of the SavedModel in a directory."""

    kind = "detection"

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._proposed: dict[bytes, np.ndarray] = {}  # by the digest of a picture

    def episode(
        self,
        support: Sequence[bytes],
        boxes: np.ndarray,
        box_images: np.ndarray,
        labels: np.ndarray,
        query: Sequence[bytes],
    ) -> Detections:
        """What `detect` returns after `adapt`, in one call.

        Raises:
          ValueError: the model refuses.
        """
        given = _support(support, boxes, box_images, labels)
        return _detections(self._call("serving_default", **given, query_images=strings(query)))

    def adapt(
        self, support: Sequence[bytes], boxes: np.ndarray, box_images: np.ndarray, labels: np.ndarray
    ) -> ServedState:
        """Task state of marked objects.

        Args:
          support: encoded pictures, I of them.
          boxes: of the objects, float32 [B, 4].
          box_images: the place in `support` of the picture that each object is in, int [B].
          labels: of the objects, int [B] in 0..W-1.

        Raises:
          ValueError: the model refuses: labels with gaps, boxes outside of their pictures, an image it cannot read.
        """
        return self._adapted("adapt", **_support(support, boxes, box_images, labels))

    def detect(self, state: ServedState, query: Sequence[bytes]) -> Detections:
        """The objects in encoded pictures under a task state, as numpy arrays, whatever their score.

        Raises:
          ValueError: the model refuses: a task state of another model, or an image it cannot read.
        """
        return _detections(self._under(state, "predict", query_images=strings(query)))

    def propose(self, images: Sequence[bytes]) -> Places:
        """Where in encoded pictures objects of whatever class may be."""
        found = self._call("propose", images=strings(images))
        return Places(found["boxes"], found["scores"])

    def proposed(self, images: Sequence[bytes]) -> np.ndarray:
        """The boxes of `propose`, [Q, R, 4]. Each picture is looked at once, for no task changes them; they are kept."""
        names = [blake2b(image).digest() for image in images]
        new = {name: image for name, image in zip(names, images, strict=True) if name not in self._proposed}
        if new:
            self._proposed.update(zip(new, self.propose(list(new.values())).boxes, strict=True))
        return np.stack([self._proposed[name] for name in names])

    @property
    def threshold(self) -> float:
        """The score from which on a detection is shown: 0 if none was chosen."""
        return self.manifest.score_threshold.get("threshold", 0.0)


def _support(
    images: Sequence[bytes], boxes: np.ndarray, box_images: np.ndarray, labels: np.ndarray
) -> dict[str, tf.Tensor]:
    boxes = np.asarray(boxes, np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"support_boxes: expected [B, 4], ymin, xmin, ymax, xmax of each, got shape {boxes.shape}")
    return {
        "support_images": strings(images),
        "support_boxes": tf.constant(boxes),
        "support_box_images": numbers("support_box_images", box_images, "[B] in 0..I-1"),
        "support_labels": label_numbers(labels),
    }


def _detections(outputs: dict[str, np.ndarray]) -> Detections:
    return Detections(*(outputs[name] for name in Detections._fields))
