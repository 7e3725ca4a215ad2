"""Draws N-way K-shot episodes, as a pure function of (class index, specification, seed, number).

The result does not depend on the order of the images, the machine, or the worker. Episode `i` is drawn from a
counter-based random generator with the key (seed, i); numpy guarantees that its raw stream never changes.
"""

import numpy as np

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import DISTRACTOR, ClassIndex, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.randomness import Random


class EpisodeSampler:
    """Draws episode `i` of a split: `EpisodeSampler(index, spec, seed)(i)` is the same on every machine.

    Raises:
      ValueError: too few classes have enough images; the message says how many do and which setting to lower.
    """

    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        if spec.negatives:
            raise ValueError(f"negatives: expected 0 where an image has a class as a whole, got {spec.negatives}")
        self.index, self.spec, self.seed = index, spec, seed
        usable = usable_classes(index, spec)
        if shortage := usable.shortage():
            raise ValueError(shortage)
        self._pools = usable.pools

    def __call__(self, i: int) -> Episode:
        """Episode number `i` (0, 1, ...)."""
        rng = Random(self.seed, i)
        way = rng.between(*self.spec.way_range)
        shot = rng.between(*self.spec.shot_range)
        fitting = [pool for pool in self._pools if len(pool) >= way + self.spec.distractors]
        pool = fitting[rng.below(len(fitting))]
        class_ids = pool[rng.choose(len(pool), way + self.spec.distractors)]
        count = len(self.index.names)
        support: list[np.ndarray] = []
        query: list[np.ndarray] = []
        for label, class_id in enumerate(class_ids):
            start, end = self.index.starts[class_id % count : class_id % count + 2]
            rows = start + rng.choose(int(end - start), shot + self.spec.query)
            turns = np.full(len(rows), class_id // count)
            labels = np.full(len(rows), label if label < way else DISTRACTOR)
            drawn = np.stack([rows, turns, labels])
            query.append(drawn[:, shot:])
            if label < way:
                support.append(drawn[:, :shot])
        return Episode(i, class_ids[:way].astype(np.int32), _draw(support), _draw(query))


def _draw(parts: list[np.ndarray]) -> Draw:
    rows, turns, labels = np.concatenate(parts, axis=1)
    return Draw(rows, turns.astype(np.int32), labels.astype(np.int32))
