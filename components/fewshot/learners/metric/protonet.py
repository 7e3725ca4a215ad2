"""Prototypical networks (Snell et al. 2017, https://arxiv.org/abs/1703.05175).

A class is the mean of its support features; a query belongs to the nearest mean by squared Euclidean distance. Without any
training, on pixels, this is the nearest-centroid classifier.
"""

from typing import Any

from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.interface import Aux, Learner, TaskState, Weights, class_means, cross_entropy


class ProtoNet(Learner):
    """Task state: `prototypes` [way, D]."""

    def adapt(self, weights: Weights, support: Any, labels: Any, way: Any) -> TaskState:
        """The mean of each class."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        return {"prototypes": class_means(features, labels, way), **self.keep_state(state)}

    def predict(self, weights: Weights, task_state: TaskState, query: Any) -> Any:
        """Minus the squared distance to each prototype."""
        state = self.kept_state(weights, task_state)
        features, _ = self.query_features(weights.base, state, query, training=False)
        return -squared_distances(features, task_state["prototypes"])

    def loss(self, weights: Weights, task: Task) -> tuple[Any, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, task)
        prototypes = class_means(support, task.support_labels, task.way)
        logits = -squared_distances(query, prototypes)
        return cross_entropy(logits, task.query_labels), Aux(logits, state)

    def task_state_shapes(self, way: Any) -> dict[str, tuple[Any, ...]]:
        """Prototypes, and the support set's moments where they are kept."""
        return {"prototypes": (way, self.base.feature_size), **self.kept_shapes()}


def squared_distances(a: Any, b: Any) -> Any:
    """Squared Euclidean distances [A, B] between rows of a [A, D] and b [B, D]."""
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, about the middle of b: far from it the three would cancel in float32.
    middle = ops.mean(b, axis=0, keepdims=True)
    a, b = a - middle, b - middle
    squares = ops.sum(a * a, axis=1, keepdims=True) + ops.sum(b * b, axis=1)
    return squares - 2.0 * ops.matmul(a, ops.transpose(b))
