"""A test of whether the images of known classes have changed: the energy distance (Székely and Rizzo 2013) within classes.

New classes and another mix of classes do not count as change here: each class is compared with itself alone.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypedDict

import numpy as np

PERMUTATIONS = 999


class Change(TypedDict):
    """How far the images of classes that were known before have changed.

    `distance` is the energy distance beyond what chance gives, as a share of the mean distance between known and new images: 0
    where they are alike, towards 1 where they have nothing in common. `p` is the probability of as much if nothing has changed.
    """

    distance: float
    p: float
    classes: int
    known: int  # images
    new: int


class _Class(NamedTuple):
    distances: np.ndarray  # [n, n]
    new: np.ndarray  # bool [n]


def change(vectors: np.ndarray, classes: np.ndarray, new: np.ndarray, seed: int) -> Change | None:
    """Compares new images with known ones of the same class.

    The statistic is the sum over classes of the energy distance between their known and new images, weighted by their numbers as
    Székely and Rizzo do. Which images are new is permuted within each class, which is exact for any number of images.

    Args:
      vectors: [n, D], one for each image.
      classes: int [n].
      new: bool [n].
      seed: of the permutations.

    Returns:
      None where no class has both known and new images, and at least three.
    """
    both = [one for one in _by_class(vectors, classes, new) if one.new.any() and not one.new.all() and len(one.new) > 2]
    if not both:
        return None
    rng = np.random.default_rng(seed)
    found, scale, by_chance, permuted = 0.0, 0.0, 0.0, np.zeros(PERMUTATIONS)
    for one in both:
        labels = np.stack([one.new, *(rng.permutation(one.new) for _ in range(PERMUTATIONS))]).astype(np.float64)
        energy, between = _energy(one.distances, labels)
        found, scale, permuted = found + energy[0], scale + between[0], permuted + energy[1:]
        count = len(one.new)
        by_chance += one.distances.sum() / (count * (count - 1))  # the mean over all permutations, whatever the numbers
    as_far = int((permuted >= found * (1 - 1e-9)).sum())  # whatever rounding does to equal ones
    numbers = [
        int(sum(side.sum() for side in sides)) for sides in ([~one.new for one in both], [one.new for one in both])
    ]
    return {
        "distance": max(0.0, float((found - by_chance) / scale)) if scale else 0.0,
        "p": (1 + as_far) / (1 + PERMUTATIONS),
        "classes": len(both),
        "known": numbers[0],
        "new": numbers[1],
    }


def _by_class(vectors: np.ndarray, classes: np.ndarray, new: np.ndarray) -> Iterator[_Class]:
    for one in np.unique(classes):
        own = np.asarray(vectors, np.float64)[classes == one]
        yield _Class(np.linalg.norm(own[:, None] - own[None], axis=-1), np.asarray(new, bool)[classes == one])


def _energy(distances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weighted energy distance, and its part between the two sides, for each row of `labels` [P, n], which are 1 for new."""
    count = labels.shape[1]
    new = labels[0].sum()
    known = count - new
    among_new = (labels @ distances * labels).sum(1)
    between = (labels @ distances * (1 - labels)).sum(1)
    among_known = distances.sum() - among_new - 2 * between
    weight = new * known / count
    mean_between = 2 * between / (new * known)
    return weight * (mean_between - among_new / new**2 - among_known / known**2), weight * mean_between
