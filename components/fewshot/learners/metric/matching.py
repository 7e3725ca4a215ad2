"""Matching networks (Vinyals et al. 2016, https://arxiv.org/abs/1606.04080), without full-context embeddings.

The probability of a class is the attention of the query to the support images of that class. The attention is a softmax over
all support images of the cosine similarity between their features and those of the query.
"""

from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.interface import Aux, Learner, Part, TaskState, Weights
from components.fewshot.learners.maths import cross_entropy, one_hot, unit_length
from components.fewshot.settings.learners import MatchingSettings
from components.fewshot.tensors import Images, Labels, Logits, Scalar, Tensor, Vectors, Way

LEAST_ATTENTION = 1e-7  # to a class; its logarithm is the lowest possible logit


class Matching(Learner[Task]):
    """Task state: `support` [S, D + way], the features of each support image at length 1 beside its label, one-hot."""

    Settings = MatchingSettings
    settings: MatchingSettings

    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """The features and labels of the support set."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        return {**self.keep_state(state), "support": _memory(features.vector, labels, way)}

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """The logarithm of the attention to each class."""
        state = self.kept_state(weights, task_state)
        features, _ = self.query_features(weights.base, state, query, training=False)
        return self._attend(features.vector, task_state["support"])

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, unit)
        logits = self._attend(query.vector, _memory(support.vector, unit.support_labels, unit.way))
        return cross_entropy(logits, unit.query_labels), Aux(logits, state)

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The support set's moments where they are kept, and a row for each support image."""
        return {**self.kept_parts(), "support": Part((None, self.base.feature_size + way))}

    def _attend(self, query: Vectors, memory: Tensor) -> Logits:
        size = self.base.feature_size
        cosines = ops.matmul(unit_length(query), ops.transpose(memory[:, :size]))
        attention = ops.matmul(ops.softmax(self.settings.scale * cosines), memory[:, size:])
        return ops.log(ops.maximum(attention, LEAST_ATTENTION))


def _memory(vectors: Vectors, labels: Labels, way: Way) -> Tensor:
    return ops.concatenate([unit_length(vectors), one_hot(labels, way, vectors.dtype)], axis=1)
