"""Average precision as COCO has it: the mean, over 101 recalls, of the best precision that can be had at that recall or above."""

import functools

import numpy as np

RECALLS = np.linspace(0, 1, 101)


def average_precision(scores: np.ndarray, right: np.ndarray, wrong: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Average precision of the detections of one class, in several cases at once.

    Detections with equal scores are ranked in the order given, as in COCO.

    Args:
      scores: [N].
      right: bool [C, N].
      wrong: bool [C, N]; a detection that is neither is left out.
      objects: int [C], how many there were to find.

    Returns:
      float64 [C]; nan where there was no object.
    """
    order = np.argsort(-scores, kind="stable")
    right, wrong = right[:, order], wrong[:, order]
    case, place = np.nonzero(right)
    number = right.cumsum(axis=1, dtype=np.int32)[case, place]  # of the right one among the right ones
    before = wrong.cumsum(axis=1, dtype=np.int32)[case, place]
    precision = np.zeros((len(objects), objects.max(initial=1)))  # when so many objects are found
    precision[case, number - 1] = number / (number + before)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]  # at this recall or above
    reached = np.zeros(best.shape)
    for many in set(objects.tolist()) - {0}:
        reached[objects == many, :many] = recalls_reached(many)
    return np.where(objects > 0, (best * reached).sum(axis=1) / len(RECALLS), np.nan)


@functools.lru_cache(maxsize=4096)
def recalls_reached(objects: int) -> np.ndarray:
    """Returns int [objects]: how many of RECALLS are reached with the first object that is found, the second and so on."""
    first = np.searchsorted(np.arange(1, objects + 1) / objects, RECALLS, side="left")
    return np.bincount(first, minlength=objects)
