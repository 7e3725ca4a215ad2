"""Which images came since the model in production, by class, and a bounded sample of them as encoded files."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw
from components.fewshot.episodes.randomness import Random
from components.fewshot.images.store import ImageStore


class ClassImages(NamedTuple):
    """The rows of a class in the store of its split: int64, of images that were known, and of those that came since."""

    split: str
    name: str
    domain: str
    known: np.ndarray
    new: np.ndarray


def by_class(stores: Mapping[str, ImageStore], came: Callable[[str], bool]) -> list[ClassImages]:
    """The images of all classes, in the order of splits and rows.

    Args:
      stores: by split.
      came: whether an image came since, by its source id.
    """
    found = []
    for split, store in stores.items():
        new = np.array([came(source_id) for source_id in store.source_ids], bool)
        index = store.index
        for name, domain, start, end in zip(
            index.names, index.domains, index.starts[:-1], index.starts[1:], strict=True
        ):
            rows = np.arange(start, end)
            found.append(ClassImages(split, name, domain, rows[~new[start:end]], rows[new[start:end]]))
    return found


def some(items: Iterable[ClassImages], most: int, seed: int) -> list[ClassImages]:
    """At most so many of the classes, drawn at random, in their order."""
    classes = list(items)
    chosen = Random(seed, 0).choose(len(classes), min(most, len(classes)))
    return [classes[place] for place in np.sort(chosen)]


def few(rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many of the rows, drawn at random, in their order."""
    return rows[np.sort(Random(seed, 1).choose(len(rows), min(most, len(rows))))]


def encoded(store: ImageStore, rows: np.ndarray) -> list[bytes]:
    """Images as files: the original bytes, or PNGs of the pixels where the store has only these."""
    still = np.zeros(len(rows), np.int32)
    draw = Draw(rows, still, still)
    if store.shape is None:
        return store.encoded(draw)
    return [tf.io.encode_png(pixels).numpy() for pixels in store.pixels(draw)] if len(rows) else []
