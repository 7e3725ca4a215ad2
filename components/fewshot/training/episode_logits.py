"""What a learner makes of validation episodes, with the weights as they are when it is asked."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw, Episode, images_of
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


EpisodeLogits = Callable[[Sequence[Episode]], Iterator[np.ndarray]]
"""From episodes to the logits float32 [Q, way] of the queries of each, before calibration."""


def episode_logits(learner: Learner, validation: Validation) -> EpisodeLogits:
    """The logits of episodes after adapting as for any new task; they draw no image that those of `validation` do not draw.

    Where the features of an image are the same in every task, each image of `validation` is embedded once for all episodes, as
    long as the weights stay the same: 300 episodes draw 24,000 images, and a validation split has a few hundred.
    """
    if isinstance(learner, HeadLearner) and learner.has_fixed_features:
        return _FromFeatures(learner, validation)
    of_task = compiled_logits(learner, validation.store)
    return lambda episodes: (np.asarray(of_task(task_arrays(validation.store, one))) for one in episodes)


class _FromFeatures:
    def __init__(self, learner: HeadLearner, validation: Validation) -> None:
        self._learner, self._images = learner, images_of(validation.episodes)
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
            places = (np.searchsorted(self._images, draw.images) for draw in (episode.support, episode.query))
            support, query = (vectors[place] for place in places)
            yield np.asarray(self._logits(support, episode.support.labels, np.int32(episode.way), query))

    def _embedded(self) -> np.ndarray:
        """The vectors of all images, made anew only if the weights are others than before."""
        weights = hashlib.sha256()
        for value in [*self._learner.values().base, *self._learner.values().state]:
            weights.update(np.asarray(value).tobytes())
        if weights.digest() != self._weights:
            self._weights, self._vectors = weights.digest(), self._embed(Draw.of_images(self._images))
        return self._vectors


def compiled_logits(learner: Learner, store: PixelStore) -> Callable[[Task], Logits]:
    """A function from a task to the logits [Q, way] of its queries, before calibration."""
    return tf.function(partial(_logits, learner), autograph=False, input_signature=[task_signature(store)])


def _logits(learner: Learner, task: Task) -> Logits:
    """Adapts to the support set of a task, as for any new task; images in the store's dtype."""
    task, weights = task.with_images(to_unit_range), learner.values()
    state = learner.adapt(weights, task.support, task.support_labels, task.way)
    return learner.predict(weights, state, task.query)
