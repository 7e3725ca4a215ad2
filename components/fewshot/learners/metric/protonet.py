"""Prototypical networks (Snell et al. 2017, https://arxiv.org/abs/1703.05175).

The prototype of a class is the mean of its support features. A query belongs to the class of the nearest prototype by squared
Euclidean distance. On pixels, without training, this is the nearest-centroid classifier.
"""

from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.interface import Aux, Learner, Part, TaskState, Weights
from components.fewshot.learners.maths import class_means, cross_entropy
from components.fewshot.tensors import Images, Labels, Logits, Scalar, Tensor, Vectors, Way


class ProtoNet(Learner[Task]):
    """Task state: `prototypes` [way, D]."""

    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """The mean of the features of each class."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        return {"prototypes": class_means(features.vector, labels, way), **self.keep_state(state)}

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """The negative squared distance to each prototype."""
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
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, with the middle of b as origin: far from it, rounding in float32 would dominate.
    middle = ops.mean(b, axis=0, keepdims=True)
    a, b = a - middle, b - middle
    squares = ops.sum(a * a, axis=1, keepdims=True) + ops.sum(b * b, axis=1)
    return squares - 2.0 * ops.matmul(a, ops.transpose(b))
