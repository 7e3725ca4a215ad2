"""Prototypical networks (Snell et al. 2017, https://arxiv.org/abs/1703.05175).

A class is the mean of its support features; a query belongs to the nearest mean by squared Euclidean distance. Without any
training, on pixels, this is the nearest-centroid classifier.
"""

from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.interface import Aux, Learner, Part, TaskState, Weights
from components.fewshot.learners.maths import class_means, cross_entropy
from components.fewshot.tensors import Images, Labels, Logits, Scalar, Tensor, Vectors, Way


class ProtoNet(Learner[Task]):
    """Task state: `prototypes` [way, D]."""

    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """The mean of each class."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        return {"prototypes": class_means(features.vector, labels, way), **self.keep_state(state)}

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """Minus the squared distance to each prototype."""
        state = self.kept_state(weights, task_state)
        features, _ = self.query_features(weights.base, state, query, training=False)
        return -squared_distances(features.vector, task_state["prototypes"])

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, unit)
        prototypes = class_means(support.vector, unit.support_labels, unit.way)
        logits = -squared_distances(query.vector, prototypes)
        return cross_entropy(logits, unit.query_labels), Aux(logits, state)

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """Prototypes, and the support set's moments where they are kept."""
        return {"prototypes": Part((way, self.base.feature_size)), **self.kept_parts()}


def squared_distances(a: Vectors, b: Vectors) -> Tensor:
    """Squared Euclidean distances [A, B] between rows of a [A, D] and b [B, D]."""
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, about the middle of b: far from it the three would cancel in float32.
    middle = ops.mean(b, axis=0, keepdims=True)
    a, b = a - middle, b - middle
    squares = ops.sum(a * a, axis=1, keepdims=True) + ops.sum(b * b, axis=1)
    return squares - 2.0 * ops.matmul(a, ops.transpose(b))
