"""The result of one detector on one episode, and how it is scored and written."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.scenes import STRANGER, Detections
from components.fewshot.evaluation.average_precision import average_precision
from components.fewshot.evaluation.matching import SIZES, Found, match
from components.fewshot.evaluation.results import BINS, Bin

MOST = 50  # detections in an image, over all classes; COCO takes 100 of each class
FINE = 4  # bins of scores in one of results.BINS
KEPT = (10, 50, 100)  # proposals in an image, of which the recall is measured
AP75 = 5  # place of 0.75 among the thresholds


class Truth(NamedTuple):
    """What there is in the query images of an episode."""

    boxes: np.ndarray  # float32 [Q, M, 4], as those of `Scenes`
    labels: np.ndarray  # int32 [Q, M]
    pixels: (
        np.ndarray
    )  # [Q], of each picture as it is kept, height times width: its size does not depend on the network


class ClassFound(NamedTuple):
    """The objects of one class of an episode."""

    name: str
    domain: str
    objects: int
    found: int  # by a detection whose score reaches the threshold
    ap50: float | None  # average precision at an overlap of 0.5; None where there are no objects


class Proposed(NamedTuple):
    """The objects of any class, strangers too, and how many of them proposals overlap, summed over the ten thresholds."""

    objects: int
    found: tuple[int, ...]  # by the first KEPT of each image


class DetectionResult(NamedTuple):
    """The result of one detector on one episode. What is right has an overlap of 0.5 where nothing else is said."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    shot: int
    images: int
    mean_ap: float  # mean over classes and over the thresholds 0.5, 0.55 ... 0.95
    ap75: float
    by_size: tuple[float | None, ...]  # `mean_ap` of small, medium and large objects; None where there are none
    threshold: float  # score from which the served model shows a detection
    wrong: int  # detections that it shows
    bins: tuple[Bin, ...]  # FINE * BINS, of detections by their score
    classes: tuple[ClassFound, ...]  # by label
    proposed: Proposed | None = None

    @property
    def way(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def names(self) -> frozenset[str]:
        """Names of its classes."""
        return frozenset(one.name for one in self.classes)

    @property
    def objects(self) -> int:
        """Number of objects of its classes."""
        return sum(one.objects for one in self.classes)

    @property
    def found(self) -> int:
        """Number of objects that the served model shows."""
        return sum(one.found for one in self.classes)

    @property
    def figure(self) -> float:
        """AP50: the mean over the classes that have objects in the queries; the others say nothing and are left out."""
        known = [one.ap50 for one in self.classes if one.ap50 is not None]
        return math.fsum(known) / len(known)


def from_json(line: str) -> DetectionResult:
    """Inverse of `results.to_json`."""
    fields = json.loads(line)
    fields["by_size"] = tuple(fields["by_size"])
    fields["bins"] = tuple(Bin(*one) for one in fields["bins"])
    fields["classes"] = tuple(ClassFound(*one) for one in fields["classes"])
    if fields["proposed"]:
        objects, found = fields["proposed"]
        fields["proposed"] = Proposed(objects, tuple(found))
    return DetectionResult(**fields)


def score(
    index: int,
    shot: int,
    found: Detections,
    truth: Truth,
    classes: Sequence[tuple[str, str]],
    threshold: float,
    proposals: np.ndarray | None = None,
) -> DetectionResult:
    """Scores what was found in the query images of an episode.

    Args:
      index, shot: of the episode.
      found: arrays; of more than MOST detections in an image the surest count.
      truth: what there is.
      classes: [way], (name, domain) of each.
      threshold: score from which the served model shows a detection.
      proposals: [Q, P, 4], boxes around objects of any class, the surest first; None if the model makes none.

    Raises:
      ValueError: a box or score is not finite, or no class has an object in the queries.
    """
    boxes, scores, labels = _surest(found)
    if not (np.isfinite(scores).all() and np.isfinite(boxes[labels >= 0]).all()):
        raise ValueError(
            f"episode {index}: expected boxes and scores, got some that are not finite; the model is broken"
        )
    outcome = match(boxes, labels, truth.boxes, truth.labels, truth.pixels)
    right, wrong = outcome.right[0, 0], outcome.wrong[0, 0]
    shown = scores >= threshold
    aps = average_precisions(scores, labels, outcome, truth.labels, len(classes))
    objects = [int((outcome.objects[0] & (truth.labels == label)).sum()) for label in range(len(classes))]
    if not any(objects):
        raise ValueError(f"episode {index}: expected an object of one of its classes in the queries, got none")
    by_class = [
        ClassFound(
            *classes[label],
            objects=count,
            found=int((right & shown & (labels == label)).sum()),
            ap50=float(aps[label, 0, 0]) if count else None,
        )
        for label, count in enumerate(objects)
    ]
    return DetectionResult(
        index,
        shot,
        images=len(boxes),
        mean_ap=_mean(aps[:, 0]),
        ap75=_mean(aps[:, 0, AP75]),
        by_size=tuple(None if np.isnan(aps[:, size]).all() else _mean(aps[:, size]) for size in range(1, len(SIZES))),
        threshold=float(threshold),
        wrong=int((wrong & shown).sum()),
        bins=_bins(scores, right, wrong),
        classes=tuple(by_class),
        proposed=None if proposals is None else _proposed(np.asarray(proposals), truth),
    )


def average_precisions(
    scores: np.ndarray, classes: np.ndarray, outcome: Found, labels: np.ndarray, way: int
) -> np.ndarray:
    """Average precision float64 [way, S, T] of each class, at each size and threshold; nan where there are no objects.

    Args:
      scores: [Q, N].
      classes: int [Q, N].
      outcome: of these detections.
      labels: int [Q, M] of the objects.
      way: number of classes.
    """
    shape = outcome.right.shape[:2]
    right, wrong = (one.reshape(shape[0] * shape[1], -1) for one in (outcome.right, outcome.wrong))
    rows = []
    for label in range(way):
        here = np.flatnonzero(classes == label)
        objects = (outcome.objects & (labels == label)).sum((1, 2)).repeat(shape[1])
        rows.append(average_precision(scores.ravel()[here], right[:, here], wrong[:, here], objects).reshape(shape))
    return np.array(rows)


def _surest(found: Detections) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns boxes, scores (float64, 0 where nothing is) and classes by falling score, at most MOST of each image."""
    boxes, scores, classes = map(np.asarray, found)
    scores = np.where(classes < 0, 0, scores).astype(np.float64)
    images, order = np.arange(len(scores))[:, None], np.argsort(-scores, axis=1, kind="stable")[:, :MOST]
    return boxes[images, order], scores[images, order], classes[images, order]


def _mean(values: np.ndarray) -> float:
    """The mean over what is not nan, by exact sums: it does not depend on the numbers of the classes."""
    known = values[~np.isnan(values)].tolist()
    return math.fsum(known) / len(known)


def _bins(scores: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> tuple[Bin, ...]:
    counted = right | wrong
    order = np.argsort(scores[counted], kind="stable")  # the same sums in whatever order the images are
    scores, right = scores[counted][order], right[counted][order]
    number = FINE * BINS
    place = np.clip((scores * number).astype(int), 0, number - 1)
    columns = (np.bincount(place, weights, number) for weights in (None, scores, right))
    return tuple(Bin(int(count), float(total), int(hits)) for count, total, hits in zip(*columns, strict=True))


def _proposed(proposals: np.ndarray, truth: Truth) -> Proposed:
    """An object of any class is one to find; there is no class to get wrong."""
    objects = (truth.labels >= 0) | (truth.labels == STRANGER)
    labels = np.where(objects, 0, truth.labels)
    none = np.zeros(proposals.shape[:2], int)
    right = match(proposals, none, truth.boxes, labels, truth.pixels, ("all",)).right[0]
    return Proposed(int(objects.sum()), tuple(int(right[..., :kept].sum()) for kept in KEPT))
