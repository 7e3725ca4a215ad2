"""A detector that knows what there is, and sees some of it: what it finds is as good as a test wants it."""

from types import SimpleNamespace

import numpy as np

from components.fewshot.episodes.scenes import Detections
from components.fewshot.images.store import ImageStore

MOST = 12  # detections of an image


class Seer:
    """Calls like a `ServedDetector`.

    Args:
      store: the images that it is asked about.
      sight: the share of objects that it finds; half as often it takes one for another class, or nothing for something.
      seed: of what it sees.
    """

    def __init__(self, store: ImageStore, sight: float, seed: int = 0, threshold: float = 0.4) -> None:
        objects = store.objects
        self.manifest, self.threshold, self._sight, self._seed = (
            SimpleNamespace(kind="detection"),
            threshold,
            sight,
            seed,
        )
        self._there: dict[bytes, list[tuple[int, np.ndarray]]] = {}
        for row in range(len(objects)):
            self._there.setdefault(store.read(row), []).append((int(objects.labels[row]), objects.boxes[row]))

    def episode(self, support, boxes, box_images, labels, query) -> Detections:
        classes = {}
        for box, image, label in zip(boxes, box_images, labels, strict=True):
            own = next(name for name, there in self._there[support[image]] if np.array_equal(there, box))
            classes[own] = int(label)
        return Detections(*(np.stack(part) for part in zip(*(self._found(one, classes) for one in query), strict=True)))

    def proposed(self, images) -> np.ndarray:
        found = np.zeros((len(images), 100, 4), np.float32)
        for number, image in enumerate(images):
            rng = np.random.default_rng([self._seed, len(image)])
            there = [near(rng, box, 0.1) for name, box in self._there[image] if name >= -1]
            found[number, rng.permutation(60)[: len(there)]] = np.reshape(there, (-1, 4))
        return found

    def _found(self, image, classes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng, found = np.random.default_rng([self._seed, len(image), *sorted(classes)]), []
        for name, box in self._there[image]:
            if name in classes and rng.random() < self._sight:
                found.append((rng.uniform(0.4, 1), classes[name], near(rng, box, 0.08)))
            elif name >= -1 and rng.random() > self._sight:
                found.append((rng.uniform(0.1, 0.7), int(rng.integers(len(classes))), near(rng, box, 0.25)))
        if rng.random() > self._sight:
            top, left = rng.uniform(0, 0.7, 2)
            found.append((rng.uniform(0.1, 0.6), 0, np.array([top, left, top + 0.2, left + 0.2])))
        found = sorted(found, key=lambda one: -one[0])[:MOST]
        boxes, scores, labels = np.zeros((MOST, 4), np.float32), np.zeros(MOST, np.float32), np.full(MOST, -1, np.int32)
        for place, (score, label, box) in enumerate(found):
            boxes[place], scores[place], labels[place] = box, score, label
        return boxes, scores, labels


def near(rng: np.random.Generator, box: np.ndarray, part: float) -> np.ndarray:
    """A box whose edges are off by a part of its sides."""
    sides = np.tile(box[2:] - box[:2], 2)
    return np.clip(box + rng.uniform(-part, part, 4) * sides, 0, 1)
