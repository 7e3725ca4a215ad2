"""What an episode of scenes draws: which images, and where in them which objects are."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.objects import Objects
from components.fewshot.episodes.scenes import NOTHING, STRANGER


class MarkedDraw(NamedTuple):
    """The support set of an episode."""

    images: Draw  # each image once, [I]
    boxes: np.ndarray  # float32 [B, 4]
    box_images: np.ndarray  # int32 [B]


class ScenesDraw(NamedTuple):
    """Images with all their objects, filled up with NOTHING to as many as the image of the split has that has most."""

    images: Draw  # [N]
    boxes: np.ndarray  # float32 [N, M, 4]
    labels: np.ndarray  # int32 [N, M]


def marked(objects: Objects, support: Draw) -> MarkedDraw:
    """The objects of a support set. Two of them may be in one image."""
    _, first, place = np.unique(objects.images[support.rows], return_index=True, return_inverse=True)
    return MarkedDraw(still(support.rows[first]), objects.boxes[support.rows], place.astype(np.int32))


def queries(objects: Objects, episode: Episode) -> ScenesDraw:
    """The queries of an episode; labels are 0..way-1, and objects of other classes are strangers."""
    return scenes(objects, episode.query.rows, lambda labels: labels_among(labels, episode.class_ids))


def scenes(
    objects: Objects, rows: np.ndarray, label: Callable[[np.ndarray], np.ndarray] = lambda labels: labels
) -> ScenesDraw:
    """The images of some rows [N] with all their objects.

    Args:
      objects: of the split.
      rows: one for each image.
      label: makes the labels of the result of those of `objects`.
    """
    inside = [objects.beside(int(row)) for row in rows]
    most = objects.most
    boxes, labels = np.zeros((len(rows), most, 4), np.float32), np.full((len(rows), most), NOTHING, np.int32)
    for at, them in enumerate(inside):
        boxes[at, : len(them)], labels[at, : len(them)] = objects.boxes[them], label(objects.labels[them])
    return ScenesDraw(still(rows), boxes, labels)


def labels_among(labels: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Labels [n] of a split as those of an episode of these classes [way]: 0..way-1, or below 0."""
    own = labels[:, None] == class_ids
    return np.where(own.any(1), own.argmax(1), np.minimum(labels, STRANGER)).astype(np.int32)


def still(rows: np.ndarray) -> Draw:
    """The images of these rows as they are, all with the label 0."""
    return Draw(rows, np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int32))
