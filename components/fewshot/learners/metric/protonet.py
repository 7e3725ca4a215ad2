"""Prototypical networks (Snell et al. 2017, https://arxiv.org/abs/1703.05175).

The prototype of a class is the mean of its support features. A query belongs to the class of the nearest prototype by squared
Euclidean distance. On pixels, without training, this is the nearest-centroid classifier.

On the features of a pretrained network the cosine with a learned scale is better (Gidaris & Komodakis 2018,
https://arxiv.org/abs/1804.09458; Chen et al. 2021, https://arxiv.org/abs/2003.04390), and more so with a map before it
(`feature_map`).
"""

import keras
from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.head import MappingLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import class_means, cross_entropy, unit_length
from components.fewshot.settings.learners import ProtoNetSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

SCALE = 10.0  # of cosines, at the start


class ProtoNet(MappingLearner[Task]):
    """Task state: `prototypes` [way, D]; with the cosine, of unit length."""

    Settings = ProtoNetSettings
    settings: ProtoNetSettings

    def build(self) -> list[keras.Variable]:
        """The map's variables, and the logarithm of the scale of cosines."""
        if not self._by_cosine:
            return self.map.build()
        start = ops.log(ops.convert_to_tensor(SCALE, keras.backend.floatx()))
        return [*self.map.build(), keras.Variable(start, name="log_scale")]

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The mean of the mapped features of each class."""
        return {"prototypes": self._prototypes(self.mapped(weights, support), labels, way)}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """The negative squared distance to each prototype, or the scaled cosine."""
        return self._compare(weights, self.mapped(weights, query), head["prototypes"])

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, unit)
        prototypes = self._prototypes(self.mapped(weights, support.vector), unit.support_labels, unit.way)
        logits = self._compare(weights, self.mapped(weights, query.vector), prototypes)
        loss = cross_entropy(logits, unit.query_labels) + self.map.penalty(weights.own)
        return loss, Aux(logits, unit.query_labels, state, weights.own_state)

    def _prototypes(self, vectors: Vectors, labels: Labels, way: Way) -> Tensor:
        if not self._by_cosine:
            return class_means(vectors, labels, way)
        return unit_length(class_means(unit_length(vectors), labels, way))

    def _compare(self, weights: Weights, vectors: Vectors, prototypes: Tensor) -> Logits:
        if not self._by_cosine:
            return -squared_distances(vectors, prototypes)
        return ops.exp(weights.own[-1]) * ops.matmul(unit_length(vectors), ops.transpose(prototypes))

    @property
    def _by_cosine(self) -> bool:
        return self.settings.distance == "cosine"

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """Prototypes, and the support set's moments where they are kept."""
        return {"prototypes": Part((way, self.base.feature_size)), **self.kept_parts()}


def squared_distances(a: Vectors, b: Vectors) -> Tensor:
    """Squared Euclidean distances [A, B] between rows of a [A, D] and b [B, D]."""
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, with the middle of b as origin: far from it, rounding in float32 would dominate.
    middle = ops.mean(b, axis=0, keepdims=True)
    a, b = a - middle, b - middle
    squares = ops.sum(a * a, axis=1, keepdims=True) + ops.sum(b * b, axis=1)
    return squares - 2.0 * ops.matmul(a, ops.transpose(b))
