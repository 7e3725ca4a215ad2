"""Draws N-way K-shot episodes, as a pure function of (class index, specification, seed, number).

The result does not depend on the order of the images, the machine, or the worker. Episode `i` is drawn from a
counter-based random generator with the key (seed, i); numpy guarantees that its raw stream never changes.
"""

import numpy as np

from components.fewshot.episodes.episode import DISTRACTOR, TURNS, ClassIndex, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.randomness import Random


class EpisodeSampler:
    """Draws episode `i` of a split: `EpisodeSampler(index, spec, seed)(i)` is the same on every machine.

    Raises:
      ValueError: too few classes have enough images; the message says how many do and which setting to lower.
    """

    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        self.index, self.spec, self.seed = index, spec, seed
        self._pools = _pools(index, spec)

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


def _pools(index: ClassIndex, spec: EpisodeSpec) -> list[np.ndarray]:
    """Class ids that may appear together in an episode: one pool, or one for each domain, without those too small."""
    eligible = np.flatnonzero(index.counts >= spec.images_per_class)
    turns = TURNS if spec.rotations else 1
    groups = [eligible]
    if spec.within_domain:
        domains = np.array(index.domains)[eligible]
        groups = [eligible[domains == domain] for domain in sorted(set(domains))]
    count = len(index.names)
    pools = [np.concatenate([group + turn * count for turn in range(turns)]) for group in groups]
    largest = max((len(pool) for pool in pools), default=0)
    least, most = spec.way_range
    if largest < most + spec.distractors:
        where = "of the same domain " if spec.within_domain else ""
        raise ValueError(
            f"episodes of {spec.title} with {spec.query} query images need {most + spec.distractors} classes {where}"
            f"of at least {spec.images_per_class} images each, but only {largest} of {count * turns} have so many: "
            "lower episodes.way, episodes.shot or episodes.query, or add images"
        )
    return [pool for pool in pools if len(pool) >= least + spec.distractors]


def _draw(parts: list[np.ndarray]) -> Draw:
    rows, turns, labels = np.concatenate(parts, axis=1)
    return Draw(rows, turns.astype(np.int32), labels.astype(np.int32))
