"""Transfer learning, the baseline to beat (Chen et al. 2019, "A Closer Look at Few-shot Classification").

The base model is trained as an ordinary classifier, on shuffled batches of all images of all training classes. For a new task
its features stay, and a new linear head is fitted.
"""

import keras
import numpy as np
from keras import ops

from components.fewshot.episodes.task import Batch
from components.fewshot.learners.head import MappingLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import class_means, cross_entropy, linear_head, one_hot, unit_length
from components.fewshot.settings.learners import TransferSettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

SCALE = 10.0  # of cosines, at the start


class Transfer(MappingLearner[Batch]):
    """Task state: `kernel` [D, way] over features of unit length."""

    Settings = TransferSettings
    unit = TransferSettings.unit
    settings: TransferSettings

    def build(self) -> list[keras.Variable]:
        """The map's variables, and a head for all training classes, used in training only: kernel and bias, or kernel and the
        logarithm of the scale of cosines."""
        kernel, bias = linear_head(self.base.feature_size, self.train_classes, self.seed)
        if not self._by_cosine:
            return [*self.map.build(), kernel, bias]
        start = ops.log(ops.convert_to_tensor(SCALE, keras.backend.floatx()))
        return [*self.map.build(), kernel, keras.Variable(start, name="log_scale")]

    @property
    def observes(self) -> bool:
        """Whether its map or its head begins with the features of the training classes."""
        return super().observes or self._by_cosine

    def observe(self, vectors: np.ndarray, labels: np.ndarray) -> None:
        """Sets what the map knows, and lets the cosine head begin with the class means. A class without an image, as a turned one
        is, keeps its random start."""
        super().observe(vectors, labels)
        if not self._by_cosine:
            return
        found, places = np.unique(labels, return_inverse=True)
        seen, numbers = ops.convert_to_tensor(vectors, "float32"), ops.convert_to_tensor(places, "int32")
        means = self._means(self.values(), seen, numbers, len(found))
        kernel = self.own[-2].numpy()
        kernel[:, found] = np.transpose(means)
        self.own[-2].assign(kernel)

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """Softmax regression on the support features."""
        own, vectors = self.settings, unit_length(self.mapped(weights, support))
        return {"kernel": softmax_regression(vectors, labels, way, own.head_steps, own.head_l2)}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """Logits of the new head."""
        return ops.matmul(unit_length(self.mapped(weights, query)), head["kernel"])

    def loss(self, weights: Weights, unit: Batch) -> tuple[Scalar, Aux]:
        """Cross-entropy against the classes of the whole training set."""
        features, state = self.base(weights.base, weights.state, unit.images, training=True, batch_statistics=True)
        vectors, (kernel, last) = self.mapped(weights, features.vector), weights.own[-2:]
        if self._by_cosine:
            directions = ops.transpose(unit_length(ops.transpose(kernel)))
            logits = ops.exp(last) * ops.matmul(unit_length(vectors), directions)
        else:
            logits = ops.matmul(vectors, kernel) + last
        loss = cross_entropy(logits, unit.targets) + self.map.penalty(weights.own)
        return loss, Aux(logits, unit.targets, state, weights.own_state)

    def _means(self, weights: Weights, vectors: Vectors, labels: Labels, classes: int) -> Tensor:
        return unit_length(class_means(unit_length(self.mapped(weights, vectors)), labels, classes))

    @property
    def _by_cosine(self) -> bool:
        return self.settings.classifier == "cosine"

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
