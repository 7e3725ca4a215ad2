"""Learners that adapt a head over feature vectors. Adaptation leaves the base model as it is, so features can be kept."""

from abc import abstractmethod

import keras
import numpy as np

from components.fewshot.base_models.pure import PureModel
from components.fewshot.learners.feature_map import FeatureMap
from components.fewshot.learners.interface import Learner, TaskState, Unit, Weights
from components.fewshot.settings.learners import FeatureMapSettings
from components.fewshot.tensors import Images, Labels, Logits, Vectors, Way


class HeadLearner(Learner[Unit]):
    """Base class of learners whose task state is a head: what they make of feature vectors, however these were computed."""

    @abstractmethod
    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The head of a new task, from the feature vectors [S, D] of its support images and their labels [S]."""

    @abstractmethod
    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """Logits [Q, way] of the feature vectors [Q, D] of query images, by the head that `fit` returned."""

    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """The head on the features of the support images, and the support set's moments where they are kept."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        return {**self.fit(weights, features.vector, labels, way), **self.keep_state(state)}

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """What the head makes of the features of the query images."""
        state = self.kept_state(weights, task_state)
        features, _ = self.query_features(weights.base, state, query, training=False)
        return self.classify(weights, task_state, features.vector)

    @property
    def has_fixed_features(self) -> bool:
        """True where no moments of a task's own images normalise them."""
        return self.batch_norm in ("running", "none")


class MappingLearner(HeadLearner[Unit]):
    """Base class of learners whose head works on mapped features. The map's own variables come first in `Weights.own`."""

    settings: FeatureMapSettings

    def __init__(
        self, base: PureModel, settings: FeatureMapSettings, way: int | None, train_classes: int, seed: int = 0
    ) -> None:
        self.map = FeatureMap(settings, base.feature_size)
        super().__init__(base, settings, way, train_classes, seed)

    def build_state(self) -> list[keras.Variable]:
        """What the map knows of the training classes."""
        return self.map.build_state()

    @property
    def observes(self) -> bool:
        """Whether its map needs the features of the training classes."""
        return self.map.has_statistics

    def observe(self, vectors: np.ndarray, labels: np.ndarray) -> None:
        """Sets what the map knows of the training classes."""
        for variable, value in zip(self.own_state, self.map.statistics(vectors, labels), strict=True):
            variable.assign(value)

    def mapped(self, weights: Weights, vectors: Vectors) -> Vectors:
        """The mapped feature vectors [B, D]."""
        return self.map(weights.own, list(weights.own_state), vectors)
