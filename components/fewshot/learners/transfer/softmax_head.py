"""Transfer learning, the baseline to beat (Chen et al. 2019, "A Closer Look at Few-shot Classification").

The base model is trained as an ordinary classifier, on shuffled batches of all images of all training classes. For a new task
its features stay, and a new linear head is fitted.
"""

import keras
from keras import ops

from components.fewshot.episodes.task import Batch
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import cross_entropy, linear_head, one_hot, unit_length
from components.fewshot.settings.learners import TransferSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way


class Transfer(HeadLearner[Batch]):
    """Task state: `kernel` [D, way] over features of unit length."""

    Settings = TransferSettings
    unit = TransferSettings.unit
    settings: TransferSettings

    def build(self) -> list[keras.Variable]:
        """A linear head for all training classes, used in training only."""
        return linear_head(self.base.feature_size, self.train_classes, self.seed)

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """Softmax regression on the support features."""
        own = self.settings
        return {"kernel": softmax_regression(unit_length(support), labels, way, own.head_steps, own.head_l2)}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """Logits of the new head."""
        return ops.matmul(unit_length(query), head["kernel"])

    def loss(self, weights: Weights, unit: Batch) -> tuple[Scalar, Aux]:
        """Cross-entropy against the classes of the whole training set."""
        features, state = self.base(weights.base, weights.state, unit.images, training=True, batch_statistics=True)
        kernel, bias = weights.own
        logits = ops.matmul(features.vector, kernel) + bias
        return cross_entropy(logits, unit.targets), Aux(logits, state)

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The new head, and the support set's moments where they are kept."""
        return {"kernel": Part((self.base.feature_size, way)), **self.kept_parts()}


def softmax_regression(vectors: Vectors, labels: Labels, way: Way, steps: int, l2: float) -> Tensor:
    """Kernel [D, way] that minimises mean cross-entropy + l2/2 |kernel|^2 on feature vectors [S, D] of unit length.

    Nesterov's method for a strongly convex function: with rows of unit length the gradient is Lipschitz with 1/2 + l2.
    """
    targets = one_hot(labels, way, vectors.dtype)
    count = ops.cast(ops.shape(vectors)[0], vectors.dtype)
    lipschitz = 0.5 + l2
    root = (l2 / lipschitz) ** 0.5
    momentum = (1 - root) / (1 + root)

    def step(_: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        kernel, ahead = state
        residual = ops.softmax(ops.matmul(vectors, ahead)) - targets
        gradient = ops.matmul(ops.transpose(vectors), residual) / count + l2 * ahead
        after = ahead - gradient / lipschitz
        return after, after + momentum * (after - kernel)

    start = ops.matmul(ops.transpose(vectors), targets) * 0.0  # zeros [D, way], of a shape the loop can keep
    return ops.fori_loop(0, steps, step, (start, start))[0]
