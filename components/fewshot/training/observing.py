"""What a learner must know of the training classes before it is trained: the features of their images under a base model."""

from itertools import pairwise

import numpy as np

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.interface import Learner
from components.fewshot.training.embedder import Embedder

PER_CLASS = 50  # images: more say little more of a class


def observe(learner: Learner, store: PixelStore) -> None:
    """Shows a learner features of the training classes, of its base model as it is now, if it asks for them."""
    if learner.observes:
        rows = observed_rows(store)
        labels = np.searchsorted(store.index.starts, rows, side="right") - 1
        still = np.zeros(len(rows), np.int32)
        learner.observe(Embedder(learner, store)(Draw(rows, still, still)), labels)


def observed_rows(store: PixelStore) -> np.ndarray:
    """Rows of at most `PER_CLASS` images of each class, int64, evenly spaced in it."""
    starts = store.index.starts
    spaced = (
        np.linspace(start, end, min(PER_CLASS, end - start), endpoint=False, dtype=np.int64)
        for start, end in pairwise(starts)
    )
    return np.concatenate([np.zeros(0, np.int64), *spaced])
