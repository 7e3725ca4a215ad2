"""Draws N-way K-shot episodes of scenes: a shot is an object, a query is an image.

As for whole images, an episode is a pure function of (objects, specification, seed, number). In its draws a row is an object.
One of the support set is meant itself; one of a query stands for its image, with all the objects in it.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import DISTRACTOR, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.objects import Objects
from components.fewshot.episodes.randomness import Random

DRAWS = 20  # of an episode: in few images, the support set may leave no query with an object of its classes
TRIES = 50  # rows that are looked at for each image without an object of the classes: where all have one, there is none


class SceneSampler:
    """Draws episode `i` of a split: `SceneSampler(objects, spec, seed)(i)` is the same on every machine.

    A class gives `shot` of its objects to the support set, and at most `query` of the images that hold it to the queries, beside
    which there are at most `negatives` images without any of the classes. No image of the support set is a query, and no image is
    a query twice; a class whose images are used up by others has fewer queries.

    Raises:
      ValueError: too few classes are in enough images, and the message says how many are and which setting to lower; or the
        specification turns classes or asks for distractors.
    """

    def __init__(self, objects: Objects, spec: EpisodeSpec, seed: int) -> None:
        if spec.rotations or spec.distractors:
            told = "rotations" if spec.rotations else "distractors"
            raise ValueError(f"{told}: expected none where images have boxes, got {getattr(spec, told)}")
        self.objects, self.spec, self.seed = objects, spec, seed
        usable = usable_classes(objects.index, spec)
        if shortage := usable.shortage():
            raise ValueError(shortage)
        self._pools = usable.pools

    def __call__(self, i: int) -> Episode:
        """Episode number `i` (0, 1, ...).

        Raises:
          ValueError: the support set takes all images of its classes, however it is drawn.
        """
        rng = Random(self.seed, i)
        drawn = (self._drawn(i, rng) for _ in range(DRAWS))
        episode = next((one for one in drawn if (one.query.labels != DISTRACTOR).any()), None)
        if episode is None:
            raise ValueError(
                f"episode {i} of {self.spec.title}: the marked objects leave no image with an object of their classes to ask for:"
                " add images, or lower way or shot"
            )
        return episode

    def _drawn(self, i: int, rng: Random) -> Episode:
        starts = self.objects.index.starts
        way = rng.between(*self.spec.way_range)
        shot = rng.between(*self.spec.shot_range)
        fitting = [pool for pool in self._pools if len(pool) >= way]
        pool = fitting[rng.below(len(fitting))]
        class_ids = pool[rng.choose(len(pool), way)]
        counts = self.objects.index.counts[class_ids]
        support = [starts[one] + rng.choose(int(count), shot) for one, count in zip(class_ids, counts, strict=True)]
        used = set(self.objects.images[np.concatenate(support)].tolist())
        query = [
            self._unused((int(starts[one]) + at for at in rng.walk(int(count))), used, self.spec.query)
            for one, count in zip(class_ids, counts, strict=True)
        ]
        tried = islice(rng.walk(len(self.objects)), TRIES * self.spec.negatives)
        without = (row for row in tried if not self.objects.shows(row, class_ids))
        query.append(self._unused(without, used, self.spec.negatives))
        labels = np.repeat([*range(way), DISTRACTOR], [len(rows) for rows in query])
        both = _draw(np.concatenate(support), np.repeat(np.arange(way), shot)), _draw(np.concatenate(query), labels)
        return Episode(i, class_ids.astype(np.int32), *both)

    def _unused(self, rows: Iterator[int], used: set[int], most: int) -> np.ndarray:
        """The first rows whose images are not used yet, which they are then."""
        found: list[int] = []
        while len(found) < most and (row := next(rows, None)) is not None:
            if (image := int(self.objects.images[row])) not in used:
                used.add(image)
                found.append(row)
        return np.array(found, np.int64)


def _draw(rows: np.ndarray, labels: np.ndarray) -> Draw:
    return Draw(rows, np.zeros(len(rows), np.int32), labels.astype(np.int32))
