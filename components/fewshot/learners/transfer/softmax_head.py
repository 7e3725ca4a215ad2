"""Transfer learning, the baseline to beat (Chen et al. 2019, "A Closer Look at Few-shot Classification").

The base model is trained as an ordinary classifier of all training classes, on the very images that the episodes draw, so
at the same budget as the learner it is compared with. A new task keeps its features and fits a new linear head.
"""

from typing import Any

import keras
from keras import ops
from pydantic import Field

from components.fewshot.episodes.task import Task
from components.fewshot.learners.interface import (
    Aux,
    Learner,
    LearnerSettings,
    TaskState,
    Weights,
    cross_entropy,
    linear_head,
    one_hot,
    unit,
)


class TransferSettings(LearnerSettings):
    """Attributes:
    head_steps: steps of accelerated gradient descent for the new head.
    head_l2: weight decay of the new head.
    """

    head_steps: int = Field(100, ge=1)
    head_l2: float = Field(1e-3, gt=0)


class Transfer(Learner):
    """Task state: `kernel` [D, way] over features of unit length."""

    Settings = TransferSettings
    settings: TransferSettings

    def build(self) -> list[keras.Variable]:
        """A linear head for all training classes, used in training only."""
        return linear_head(self.base.feature_size, self.train_classes, self.seed)

    def adapt(self, weights: Weights, support: Any, labels: Any, way: Any) -> TaskState:
        """Softmax regression on the support features."""
        features, state = self.support_features(weights.base, weights.state, support, training=False)
        kernel = softmax_regression(unit(features), labels, way, self.settings.head_steps, self.settings.head_l2)
        return {"kernel": kernel, **self.keep_state(state)}

    def predict(self, weights: Weights, task_state: TaskState, query: Any) -> Any:
        """Logits of the new head."""
        state = self.kept_state(weights, task_state)
        features, _ = self.query_features(weights.base, state, query, training=False)
        return ops.matmul(unit(features), task_state["kernel"])

    def loss(self, weights: Weights, task: Task) -> tuple[Any, Aux]:
        """Cross-entropy of support and queries alike against their classes in the whole training set."""
        images = ops.concatenate([task.support, task.query])
        features, state = self.base(weights.base, weights.state, images, training=True, batch_statistics=True)
        kernel, bias = weights.own
        logits = ops.matmul(features, kernel) + bias
        labels = ops.concatenate([task.support_labels, task.query_labels])
        ids = ops.where(labels >= 0, ops.take(task.class_ids, ops.maximum(labels, 0)), -1)
        among_the_episode = ops.take(logits[ops.shape(task.support)[0] :], task.class_ids, axis=1)
        return cross_entropy(logits, ids), Aux(among_the_episode, state)

    def task_state_shapes(self, way: Any) -> dict[str, tuple[Any, ...]]:
        """The new head."""
        return {"kernel": (self.base.feature_size, way), **self.kept_shapes()}


def softmax_regression(features: Any, labels: Any, way: Any, steps: int, l2: float) -> Any:
    """Kernel [D, way] that minimises mean cross-entropy + l2/2 |kernel|^2 on unit features [S, D].

    Nesterov's method for a strongly convex function: with rows of unit length the gradient is Lipschitz with 1/2 + l2.
    """
    targets = one_hot(labels, way, features.dtype)
    count = ops.cast(ops.shape(features)[0], features.dtype)
    lipschitz = 0.5 + l2
    root = (l2 / lipschitz) ** 0.5
    momentum = (1 - root) / (1 + root)

    def step(_: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        kernel, ahead = state
        residual = ops.softmax(ops.matmul(features, ahead)) - targets
        gradient = ops.matmul(ops.transpose(features), residual) / count + l2 * ahead
        after = ahead - gradient / lipschitz
        return after, after + momentum * (after - kernel)

    start = ops.matmul(ops.transpose(features), targets) * 0.0  # zeros [D, way], of a shape the loop can keep
    return ops.fori_loop(0, steps, step, (start, start))[0]
