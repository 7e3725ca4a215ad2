"""What a learner makes of validation episodes, with the weights as they are when it is asked."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

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


class Validation(NamedTuple):
    """Frozen episodes of the meta-validation classes, and the store that holds their images."""

    store: PixelStore
    episodes: Sequence[Episode]


class EpisodeLogits:
    """The logits of the queries of episodes, before calibration, after adapting as for any new task.

    Where the features of an image are the same in every task, each image of `validation` is embedded once for all episodes, as
    long as the weights stay the same: 300 episodes draw 24,000 images, and a validation split has a few hundred.
    """

    def __init__(self, learner: Learner, validation: Validation) -> None:
        self._store = validation.store
        self._by_features = self._by_images = None
        if isinstance(learner, HeadLearner) and learner.has_fixed_features:
            self._by_features = _FromFeatures(learner, validation)
        else:
            self._by_images = compiled_logits(learner, validation.store)

    def __call__(self, episodes: Sequence[Episode]) -> Iterator[np.ndarray]:
        """Logits float32 [Q, way] of each of some episodes, which draw no image that those of `validation` do not draw."""
        if self._by_features:
            yield from self._by_features(episodes)
        elif self._by_images:
            for episode in episodes:
                yield np.asarray(self._by_images(task_arrays(self._store, episode)))


class _FromFeatures:
    def __init__(self, learner: HeadLearner, validation: Validation) -> None:
        drawn = [_numbers(draw) for e in validation.episodes for draw in (e.support, e.query)]
        self._learner, self._images = learner, np.unique(np.concatenate(drawn))
        self._weights, self._vectors = b"", np.zeros(0)
        vectors = tf.TensorSpec([None, learner.base.feature_size], tf.float32)
        way, labels = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
        self._embed = Embedder(learner, validation.store)

        @tf.function(autograph=False, input_signature=[vectors, labels, way, vectors])
        def logits(support: Tensor, labels: Tensor, way: Tensor, query: Tensor) -> Logits:
            weights = learner.values()
            return learner.classify(weights, learner.fit(weights, support, labels, way), query)

        self._logits = logits

    def __call__(self, episodes: Sequence[Episode]) -> Iterator[np.ndarray]:
        vectors = self._embedded()
        for episode in episodes:
            places = (np.searchsorted(self._images, _numbers(draw)) for draw in (episode.support, episode.query))
            support, query = (vectors[place] for place in places)
            yield np.asarray(self._logits(support, episode.support.labels, np.int32(episode.way), query))

    def _embedded(self) -> np.ndarray:
        """The vectors of all images, made anew only if the weights are others than before."""
        weights = hashlib.sha256()
        for value in [*self._learner.values().base, *self._learner.values().state]:
            weights.update(np.asarray(value).tobytes())
        if weights.digest() != self._weights:
            turns = (self._images % TURNS).astype(np.int32)
            images = Draw(self._images // TURNS, turns, np.zeros_like(turns))
            self._weights, self._vectors = weights.digest(), self._embed(images)
        return self._vectors


def compiled_logits(learner: Learner, store: PixelStore) -> Callable[[Task], Logits]:
    """A function from a task to the logits [Q, way] of its queries, before calibration."""
    return tf.function(partial(_logits, learner), autograph=False, input_signature=[task_signature(store)])


def _logits(learner: Learner, task: Task) -> Logits:
    """Adapts to the support set of a task, as for any new task; images in the store's dtype."""
    task, weights = task.with_images(to_unit_range), learner.values()
    state = learner.adapt(weights, task.support, task.support_labels, task.way)
    return learner.predict(weights, state, task.query)


def _numbers(draw: Draw) -> np.ndarray:
    """A number for each image [n] of a draw."""
    return draw.rows * TURNS + draw.turns
