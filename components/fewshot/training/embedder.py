"""Feature vectors of many images by a learner's base model, with the weights as they are when they are asked for."""

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.feed import batch_signature, to_unit_range
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.interface import Learner
from components.fewshot.parallel import BATCH, in_parallel


class Embedder:
    """Embeds images of `store` by the base model of `learner`."""

    def __init__(self, learner: Learner, store: PixelStore) -> None:
        self._size, self._store = learner.base.feature_size, store

        @tf.function(autograph=False, input_signature=[batch_signature(store).images])
        def embed(images: tf.Tensor) -> tf.Tensor:
            weights = learner.values()
            found, _ = learner.base(
                weights.base, weights.state, to_unit_range(images), training=False, batch_statistics=False
            )
            return found.vector

        self._embed = embed

    def __call__(self, draw: Draw) -> np.ndarray:
        """Feature vectors float32 [n, D] of the images of `draw`."""
        starts = range(0, len(draw.rows), BATCH)
        parts = [Draw(*(values[start : start + BATCH] for values in draw)) for start in starts]
        found = in_parallel(lambda part: self._embed(tf.constant(self._store.pixels(part))).numpy(), parts)
        return np.concatenate([np.zeros((0, self._size), np.float32), *found])
