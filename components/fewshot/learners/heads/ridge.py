"""Ridge regression as a head (R2-D2: Bertinetto et al. 2019, https://arxiv.org/abs/1805.08136).

The head of a task is the exact solution of a regression from features to one-hot labels. Gradients flow through the solution,
so features are trained to be good for it. It is solved with as many equations as there are support images, not features.
"""

import keras
from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.head import MappingLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import cross_entropy, one_hot, unit_length
from components.fewshot.settings.learners import RidgeSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

SCALE = 10.0  # of what the regression gives, at the start


class Ridge(MappingLearner[Task]):
    """Task state: `kernel` [D, way] over features of unit length."""

    Settings = RidgeSettings
    settings: RidgeSettings

    def build(self) -> list[keras.Variable]:
        """The map's variables, and the logarithms of the penalty and of the scale of the logits."""
        starts = {"log_ridge": self.settings.ridge, "log_scale": SCALE}
        logs = {name: ops.log(ops.convert_to_tensor(start, keras.backend.floatx())) for name, start in starts.items()}
        return [*self.map.build(), *(keras.Variable(start, name=name) for name, start in logs.items())]

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The solution for the support features."""
        return {"kernel": self._solution(weights, self._unit(weights, support), labels, way)}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """The scaled values of the regression."""
        return self._logits(weights, self._unit(weights, query), head["kernel"])

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries."""
        support, query, state = self.episode_features(weights, unit)
        kernel = self._solution(weights, self._unit(weights, support.vector), unit.support_labels, unit.way)
        logits = self._logits(weights, self._unit(weights, query.vector), kernel)
        loss = cross_entropy(logits, unit.query_labels) + self.map.penalty(weights.own)
        return loss, Aux(logits, unit.query_labels, state, weights.own_state)

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The head, and the support set's moments where they are kept."""
        return {"kernel": Part((self.base.feature_size, way)), **self.kept_parts()}

    def _unit(self, weights: Weights, vectors: Vectors) -> Vectors:
        return unit_length(self.mapped(weights, vectors))

    def _solution(self, weights: Weights, vectors: Vectors, labels: Labels, way: Way) -> Tensor:
        return ridge_regression(vectors, one_hot(labels, way, vectors.dtype), ops.exp(weights.own[-2]))

    def _logits(self, weights: Weights, vectors: Vectors, kernel: Tensor) -> Logits:
        return ops.exp(weights.own[-1]) * ops.matmul(vectors, kernel)


def ridge_regression(vectors: Vectors, targets: Tensor, ridge: Scalar) -> Tensor:
    """Kernel [D, way] that minimises |X K - T|^2 + ridge |K|^2 for vectors X [S, D] and targets T [S, way].

    By Woodbury's identity K = X' (X X' + ridge I)^-1 T, which takes an inverse of [S, S] only.
    """
    itself = ops.eye(ops.shape(vectors)[0], dtype=vectors.dtype)
    gram = ops.matmul(vectors, ops.transpose(vectors)) + ridge * itself
    return ops.matmul(ops.transpose(vectors), ops.solve(gram, targets))
