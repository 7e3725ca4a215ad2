"""What a learner must know of the training classes before it is trained: the features of their images under a base model."""

from itertools import pairwise

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.interface import Learner

PER_CLASS = 50  # images: more say little more of a class
BATCH = 32


def observe(learner: Learner, store: PixelStore) -> None:
    """Shows a learner features of the training classes, of its base model as it is now, if it asks for them."""
    if learner.observes:
        rows = observed_rows(store)
        labels = np.searchsorted(store.index.starts, rows, side="right") - 1
        learner.observe(features(learner, store, rows), labels)


def observed_rows(store: PixelStore) -> np.ndarray:
    """Rows of at most `PER_CLASS` images of each class, int64, evenly spaced in it."""
    starts = store.index.starts
    spaced = (
        np.linspace(start, end, min(PER_CLASS, end - start), endpoint=False, dtype=np.int64)
        for start, end in pairwise(starts)
    )
    return np.concatenate([np.zeros(0, np.int64), *spaced])


def features(learner: Learner, store: PixelStore, rows: np.ndarray) -> np.ndarray:
    """Feature vectors float32 [n, D] of the images in `rows`."""
    still = np.zeros(len(rows), np.int32)

    @tf.function(reduce_retracing=True)
    def embed(images: tf.Tensor) -> tf.Tensor:
        weights = learner.values()
        found, _ = learner.base(
            weights.base, weights.state, to_unit_range(images), training=False, batch_statistics=False
        )
        return found.vector

    parts = [slice(at, at + BATCH) for at in range(0, len(rows), BATCH)]
    found = [embed(tf.constant(store.pixels(Draw(rows[part], still[part], still[part])))).numpy() for part in parts]
    return np.concatenate([np.zeros((0, learner.base.feature_size), np.float32), *found])
