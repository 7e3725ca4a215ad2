"""Matching networks (Vinyals et al. 2016, https://arxiv.org/abs/1606.04080), without full-context embeddings.

The probability of a class is the attention of the query to the support images of that class. The attention is a softmax over
all support images of the cosine similarity between their features and those of the query.
"""

from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import cross_entropy, one_hot, unit_length
from components.fewshot.settings.learners import MatchingSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

LEAST_ATTENTION = 1e-7  # to a class; its logarithm is the lowest possible logit


class Matching(HeadLearner[Task]):
    """Task state: `support` [S, D + way], the features of each support image at length 1 beside its label, one-hot."""

    Settings = MatchingSettings
    settings: MatchingSettings

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The features and labels of the support set."""
        return {"support": _memory(support, labels, way)}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """The logarithm of the attention to each class."""
        return self._attend(query, head["support"])

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, unit)
        logits = self._attend(query.vector, _memory(support.vector, unit.support_labels, unit.way))
        return cross_entropy(logits, unit.query_labels), Aux(logits, unit.query_labels, state)

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
