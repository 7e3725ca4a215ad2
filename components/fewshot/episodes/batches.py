"""Draws ordinary batches, as a pure function of (class index, size, seed, number), like episodes.

A batch is a `Draw` whose labels are class ids of the whole split: turn * C + class.
"""

import numpy as np

from components.fewshot.episodes.episode import TURNS, ClassIndex, Draw
from components.fewshot.episodes.randomness import Random, shuffled


class ShuffledBatches:
    """Batch `i` of passes over all images of all classes, each pass in a new random order.

    A batch may end one pass and begin the next; no image is left out, and none comes twice before all have come.

    Args:
      index: the classes.
      size: images a batch.
      seed: of the orders.
      rotations: each image also comes turned by 90, 180 and 270 degrees, as an image of another class.
    """

    def __init__(self, index: ClassIndex, size: int, seed: int, rotations: bool = False) -> None:
        self.index, self.size, self.seed, self.turns = index, size, seed, TURNS if rotations else 1
        self._classes = np.repeat(np.arange(len(index.names)), index.counts)  # [N], class of each row
        self._pass, self._order = -1, np.zeros(0, np.int64)

    def __call__(self, i: int) -> Draw:
        """Batch number `i` (0, 1, ...)."""
        total = len(self._classes) * self.turns
        places = np.arange(i * self.size, (i + 1) * self.size)
        parts = [
            self._in_pass(int(number), places[places // total == number] % total) for number in passes(places, total)
        ]
        drawn = np.concatenate(parts)
        rows, turns = drawn % len(self._classes), drawn // len(self._classes)
        labels = turns * len(self.index.names) + self._classes[rows]
        return Draw(rows, turns.astype(np.int32), labels.astype(np.int32))

    def _in_pass(self, number: int, places: np.ndarray) -> np.ndarray:
        if number != self._pass:
            self._pass, self._order = number, shuffled(len(self._classes) * self.turns, self.seed, number)
        return self._order[places]


class GroupedBatches:
    """Batch `i` of several classes with several images each, so that every image meets others of its class.

    Classes and images are drawn at random. Where a split has fewer classes than asked for, each gives more images; a class
    gives at most all it has, and one with a single image takes no part.

    Args:
      index: the classes.
      size: images a batch, at most.
      per_class: images a class, at least 2.
      seed: of the draws.
      rotations: a class turned by 90, 180 or 270 degrees counts as another class.

    Raises:
      ValueError: fewer than two classes have two images.
    """

    def __init__(self, index: ClassIndex, size: int, per_class: int, seed: int, rotations: bool = False) -> None:
        self.index, self.seed = index, seed
        turns = TURNS if rotations else 1
        ids = np.flatnonzero(index.counts >= 2)
        self._ids = np.concatenate([ids + turn * len(index.names) for turn in range(turns)])
        if len(ids) < 2:
            raise ValueError(
                f"batches of classes with {per_class} images each need at least 2 classes of at least 2 images, but "
                f"{len(ids)} of {len(index.names)} have so many: add images"
            )
        self.classes = max(2, min(size // per_class, len(self._ids)))
        self.per_class = size // self.classes

    def __call__(self, i: int) -> Draw:
        """Batch number `i` (0, 1, ...), class by class."""
        rng, count = Random(self.seed, i), len(self.index.names)
        parts = []
        for class_id in self._ids[rng.choose(len(self._ids), self.classes)]:
            start, end = self.index.starts[class_id % count : class_id % count + 2]
            rows = start + rng.choose(int(end - start), min(self.per_class, int(end - start)))
            parts.append(np.stack([rows, np.full(len(rows), class_id // count), np.full(len(rows), class_id)]))
        rows, turns, labels = np.concatenate(parts, axis=1)
        return Draw(rows, turns.astype(np.int32), labels.astype(np.int32))


def passes(places: np.ndarray, total: int) -> range:
    """Numbers of the passes over `total` images that consecutive `places` touch."""
    return range(int(places[0]) // total, int(places[-1]) // total + 1)
