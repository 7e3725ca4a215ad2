"""What a learner makes of validation episodes, with the weights as they are when it is asked."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import TURNS, Draw, Episode
from components.fewshot.episodes.task import Task
from components.fewshot.images.feed import task_arrays, task_signature, to_unit_range
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Learner
from components.fewshot.tensors import Logits, Tensor
from components.fewshot.training.embedder import Embedder


class EpisodeLogits:
    """The logits of the queries of episodes, before calibration, after adapting as for any new task.

    Where the features of an image are the same in every task, each image is embedded once, however many episodes draw it: 300
    episodes draw 24,000 images, and a validation split has a few hundred.
    """

    def __init__(self, learner: Learner, store: PixelStore) -> None:
        self._store = store
        self._by_features = self._by_images = None
        if isinstance(learner, HeadLearner) and learner.has_fixed_features:
            self._by_features = _FromFeatures(learner)
        else:
            self._by_images = compiled_logits(learner, store)

    def __call__(self, episodes: Sequence[Episode]) -> Iterator[np.ndarray]:
        """Logits float32 [Q, way] of each episode."""
        if self._by_features:
            yield from self._by_features(self._store, episodes)
        elif self._by_images:
            for episode in episodes:
                yield np.asarray(self._by_images(task_arrays(self._store, episode)))


class _FromFeatures:
    def __init__(self, learner: HeadLearner) -> None:
        vectors = tf.TensorSpec([None, learner.base.feature_size], tf.float32)
        way, labels = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
        self._embed = Embedder(learner)

        @tf.function(input_signature=[vectors, labels, way, vectors])
        def logits(support: Tensor, labels: Tensor, way: Tensor, query: Tensor) -> Logits:
            weights = learner.values()
            return learner.classify(weights, learner.fit(weights, support, labels, way), query)

        self._logits = logits

    def __call__(self, store: PixelStore, episodes: Sequence[Episode]) -> Iterator[np.ndarray]:
        images = np.unique(np.concatenate([_numbers(draw) for e in episodes for draw in (e.support, e.query)]))
        turns = (images % TURNS).astype(np.int32)
        vectors = self._embed(store, Draw(images // TURNS, turns, np.zeros_like(turns)))
        for episode in episodes:
            support, query = (vectors[np.searchsorted(images, _numbers(d))] for d in (episode.support, episode.query))
            yield np.asarray(self._logits(support, episode.support.labels, np.int32(episode.way), query))


def compiled_logits(learner: Learner, store: PixelStore) -> Callable[[Task], Logits]:
    """A function from a task to the logits [Q, way] of its queries, before calibration."""
    return tf.function(partial(_logits, learner), input_signature=[task_signature(store)])


def _logits(learner: Learner, task: Task) -> Logits:
    """Adapts to the support set of a task, as for any new task; images in the store's dtype."""
    task, weights = task.with_images(to_unit_range), learner.values()
    state = learner.adapt(weights, task.support, task.support_labels, task.way)
    return learner.predict(weights, state, task.query)


def _numbers(draw: Draw) -> np.ndarray:
    """A number for each image [n] of a draw."""
    return draw.rows * TURNS + draw.turns
