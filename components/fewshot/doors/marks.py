"""Boxes around the objects of each image, and the label of each box, as people give them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.fewshot.serving.detector_server import BEYOND

EDGES = "ymin, xmin, ymax, xmax in 0..1 of the image"


class Marks(NamedTuple):
    """What is marked in some images.

    Attributes:
      boxes: float32 [n, 4] of each image.
      labels: n of each image; None is that of an object that need not be found.
    """

    boxes: list[np.ndarray]
    labels: list[list[Any]]


def marks(prefix: str, boxes: Sequence[Any], labels: Sequence[Any], images: int) -> Marks:
    """The marks of some images.

    Args:
      prefix: what the names of these arguments begin with, after which they are called boxes and labels.
      boxes: of each image [n, 4]; n may be 0.
      labels: of each image n of them.
      images: how many there are.

    Raises:
      ValueError: they are not boxes and labels of so many images.
    """
    boxes_name, labels_name = f"{prefix}boxes", f"{prefix}labels"
    each = f"for each of {images} images"
    _check_count(
        boxes_name, boxes, images, f"an array [n, 4] {each}, with {EDGES}, and an empty one where it shows nothing"
    )
    found = [_boxes(f"{boxes_name}[{number}]", one) for number, one in enumerate(boxes)]
    _check_count(labels_name, labels, images, f"a list {each}, with a label for each of its boxes")
    named = zip(labels, found, strict=True)
    return Marks(found, [_labels(f"{labels_name}[{number}]", one, len(own)) for number, (one, own) in enumerate(named)])


def _check_count(name: str, values: Any, images: int, expected: str) -> None:
    if not _is_listed(values):
        raise ValueError(f"{name}: expected {expected}, got {values!r}")
    if len(values) != images:
        raise ValueError(f"{name}: expected {expected}, got {len(values)} of them")


def _boxes(name: str, boxes: Any) -> np.ndarray:
    """Boxes float32 [n, 4] within 0..1."""
    if not _is_listed(boxes):
        raise ValueError(f"{name}: expected an array [n, 4], {EDGES}, got {boxes!r}: boxes come before labels")
    if len(boxes) == 0:
        return np.zeros((0, 4), np.float32)
    try:
        given = np.asarray(boxes, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected an array [n, 4], {EDGES}, got rows of another kind") from None
    if given.ndim != 2 or given.shape[1] != 4:
        alone = f": a single one is [{given.tolist()}]" if given.shape == (4,) else ""
        raise ValueError(f"{name}: expected an array [n, 4], {EDGES}, got shape {given.shape}{alone}")
    return _within(name, given)


def _within(name: str, given: np.ndarray) -> np.ndarray:
    """The boxes, whose edges are cut where the image ends."""
    if not np.isfinite(given).all():
        raise ValueError(f"{name}: expected numbers, {EDGES}, got {_first(given, ~np.isfinite(given))}")
    outside = (given < -BEYOND) | (given > 1 + BEYOND)
    if outside.any():
        mend = "divide pixels by its height and width" if given.max() > 2 else "cut what reaches over its edge"
        raise ValueError(f"{name}: expected {EDGES}, got {_first(given, outside)}: {mend}")
    boxes = np.clip(given, 0, 1).astype(np.float32)
    empty = boxes[:, :2] >= boxes[:, 2:]
    if empty.any():
        raise ValueError(
            f"{name}: expected ymin < ymax and xmin < xmax, got {_first(given, empty)}: give {EDGES}, not width and height"
        )
    return boxes


def _first(boxes: np.ndarray, wrong: np.ndarray) -> list[float]:
    """The first box of which something is wrong."""
    return boxes[wrong.any(1)][0].tolist()


def _labels(name: str, labels: Any, boxes: int) -> list[Any]:
    if not _is_listed(labels) or np.ndim(listed := np.asarray(labels, object)) != 1 or len(listed) != boxes:
        got = f"{len(labels)} of them" if _is_listed(labels) else repr(labels)
        raise ValueError(f"{name}: expected a list of {boxes} labels, one for each box of the image, got {got}")
    return listed.tolist()


def _is_listed(values: Any) -> bool:
    """Whether it is a list or an array, and no single value."""
    return isinstance(values, (list, tuple)) or bool(getattr(values, "shape", ()))
