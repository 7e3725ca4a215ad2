"""Which detections are right: objects are given to detections as COCO does it, for all images of an episode at once.

In each image the surest detection chooses first. It takes the object of its class that it overlaps most, among those that it
overlaps enough and no surer one has taken; without one it is wrong. STRANGERS are background: what lies on them is wrong.

What is neither right nor wrong is left out. An object is left out if it is IGNORED, or of another size than is asked for; it
is chosen only where no other is there to choose. An IGNORED object is treated as COCO treats a crowd, also where its annotator
called it difficult: it is an area in which things may be found, of any class and any number of them, so the overlap with it is
the share of the detection that lies in it. Pascal VOC counts no detection of a difficult object either. A detection of another
size is left out if it has no object.
"""

from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.scenes import IGNORED

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the overlap (intersection over union)
SIZES = {  # square pixels of a box, from and to, both included
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
ENOUGH = 1 - 1e-10  # overlap that is enough whatever the threshold, because of rounding

_NEVER = -2.0  # below the worth of any object that can be chosen


class Found(NamedTuple):
    """What became of detections, and how many objects there were to find.

    Attributes:
      right: bool [S, T, Q, N], at each size and threshold.
      wrong: the same; a detection that is neither is left out, as are places without a detection.
      objects: bool [S, Q, M], the objects of each size that count.
    """

    right: np.ndarray
    wrong: np.ndarray
    objects: np.ndarray


def match(
    boxes: np.ndarray,
    classes: np.ndarray,
    true_boxes: np.ndarray,
    labels: np.ndarray,
    pixels: np.ndarray,
    sizes: tuple[str, ...] = tuple(SIZES),
) -> Found:
    """Gives objects to detections.

    Args:
      boxes: [Q, N, 4] of detections, ymin, xmin, ymax, xmax in 0..1; in each image the surest first.
      classes: int [Q, N], -1 where there is none.
      true_boxes: [Q, M, 4].
      labels: int [Q, M], a class or one of STRANGER, IGNORED and NOTHING.
      pixels: [Q], of each picture, height times width; areas of boxes are measured in these.
      sizes: keys of SIZES.
    """
    boxes, true_boxes = boxes.astype(np.float64), true_boxes.astype(np.float64)
    overlap = overlaps(boxes, true_boxes, labels == IGNORED)
    overlap *= (classes[:, :, None] == labels[:, None, :]) & (labels >= 0)[:, None] | (labels == IGNORED)[:, None]
    overlap *= (classes >= 0)[:, :, None]
    ranges = np.array([SIZES[size] for size in sizes])
    counts = within(true_boxes, pixels, ranges) & (labels >= 0)
    chosen, left_out = _choose(overlap, counts, labels == IGNORED)
    fits = within(boxes, pixels, ranges)[:, None]
    there = classes >= 0
    return Found(chosen & ~left_out, ~chosen & fits & there, counts)


def overlaps(boxes: np.ndarray, true_boxes: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Returns float64 [Q, N, M]: intersection over union, or over the detection where the object is a `crowd` [Q, M]."""
    one, other = boxes[:, :, None], true_boxes[:, None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.maximum(sides[..., 0], 0) * np.maximum(sides[..., 1], 0)
    own, true = area(boxes)[:, :, None], area(true_boxes)[:, None]
    whole = np.where(crowd[:, None], own, own + true - shared)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)


def area(boxes: np.ndarray) -> np.ndarray:
    """Returns the area [...] of boxes [..., 4]."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def within(boxes: np.ndarray, pixels: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Returns bool [S, Q, N]: whether the area of boxes [Q, N, 4] is within each of the ranges [S, 2]."""
    areas = area(boxes) * pixels[:, None]
    return (ranges[:, 0, None, None] <= areas) & (areas <= ranges[:, 1, None, None])


def _choose(overlap: np.ndarray, counts: np.ndarray, crowd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lets detections choose objects.

    Few detections overlap an object of their class enough at all. The first of these of all images choose at once, then the
    second, and so on.

    Args:
      overlap: [Q, N, M], 0 where an object is none to choose.
      counts: bool [S, Q, M].
      crowd: bool [Q, M].

    Returns:
      bool [S, T, Q, N] twice: who has an object, and who has one that does not count.
    """
    least = np.minimum(THRESHOLDS, ENOUGH)
    may = (overlap >= least[0]).any(-1)  # [Q, N]
    images = np.flatnonzero(may.any(-1))
    chosen, left_out = (np.zeros((len(counts), len(least), *may.shape), bool) for _ in range(2))
    turns = np.argsort(~may[images], axis=1, kind="stable")[:, : may.sum(-1).max(initial=0)]  # places of those that may
    overlap, counts, crowd = overlap[images], counts[:, images], crowd[images]
    free = np.ones((len(counts), len(least), *crowd.shape), bool)
    for place in turns.T:
        row = np.arange(len(images))
        active = row[may[images, place]]  # the others have had their turns
        at, place = images[active], place[active]
        own = overlap[active, place]  # [q, M]
        # What does not count is worth less than anything that does; 1 is taken from 0.5 to 1 without rounding.
        worth = np.where(counts[:, active], own, own - 1)[:, None]
        worth = np.where((own >= least[:, None, None]) & free[:, :, active], worth, _NEVER)[..., ::-1]
        best = worth.shape[-1] - 1 - worth.argmax(-1)  # [S, T, q]; of equals the last, as COCO has it
        has = worth.max(-1) > _NEVER
        chosen[:, :, at, place] = has
        left_out[:, :, at, place] = has & ~counts[np.arange(len(counts))[:, None, None], active, best]
        taken = has & ~crowd[active, best]
        size, threshold, which = np.nonzero(taken)
        free[size, threshold, active[which], best[taken]] = False
    return chosen, left_out
