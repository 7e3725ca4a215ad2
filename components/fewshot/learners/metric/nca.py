"""Neighbourhood components analysis (Goldberger et al. 2004; Laenen and Bertinetto 2021, https://arxiv.org/abs/2012.09831).

In training every image of a batch is a query, and all other images are its support. Its loss is -log of the share that images
of its own class have in a softmax over its cosine similarity to all others. No comparison within the batch is unused, whereas
an episode compares queries with support only. An ordinary classifier of all training classes is trained beside it on the same
features; together they are better than either alone (docs/benchmarks.md). A new task is solved by the nearest class mean.
"""

import keras
from keras import ops

from components.fewshot.episodes.task import Batch
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Aux, Part, TaskState, Weights
from components.fewshot.learners.maths import class_means, cross_entropy, labels_of, linear_head, unit_length
from components.fewshot.settings.learners import NCASettings
from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

NOT_ITSELF = 1e9  # taken from the similarity of an image to itself, so that it has no share


class NCA(HeadLearner[Batch]):
    """Task state: `prototypes` [way, D], the class means of features of unit length, scaled to unit length."""

    Settings = NCASettings
    unit = NCASettings.unit
    settings: NCASettings

    def build(self) -> list[keras.Variable]:
        """The logarithm of the scale, and the kernel and bias of the classifier, which is used in training only."""
        start = ops.log(ops.convert_to_tensor(self.settings.scale, keras.backend.floatx()))
        log_scale = keras.Variable(start, name="log_scale")
        return [log_scale, *linear_head(self.base.feature_size, self.train_classes, self.seed)]

    def fit(self, weights: Weights, support: Vectors, labels: Labels, way: Way) -> TaskState:
        """The class means of the support features."""
        return {"prototypes": unit_length(class_means(unit_length(support), labels, way))}

    def classify(self, weights: Weights, head: TaskState, query: Vectors) -> Logits:
        """Scaled cosine similarity to each class mean."""
        cosines = ops.matmul(unit_length(query), ops.transpose(head["prototypes"]))
        return ops.exp(weights.own[0]) * cosines

    def loss(self, weights: Weights, unit: Batch) -> tuple[Scalar, Aux]:
        """Both losses; the logits are those of the classifier."""
        features, state = self.base(weights.base, weights.state, unit.images, training=True, batch_statistics=True)
        log_scale, kernel, bias = weights.own
        logits = ops.matmul(features.vector, kernel) + bias
        among_neighbours = neighbour_loss(ops.exp(log_scale) * cosines(features.vector), labels_of(unit.targets))
        return among_neighbours + self.settings.classifier * cross_entropy(logits, unit.targets), Aux(
            logits, unit.targets, state
        )

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The class means, and the support set's moments where they are kept."""
        return {"prototypes": Part((way, self.base.feature_size)), **self.kept_parts()}


def cosines(vectors: Vectors) -> Tensor:
    """Cosine similarity [B, B] between the feature vectors [B, D] of a batch."""
    unit = unit_length(vectors)
    return ops.matmul(unit, ops.transpose(unit))


def neighbour_loss(similarities: Tensor, targets: Labels) -> Scalar:
    """Mean of -log of the share of one's own class in a softmax over the similarities [B, B] to all other images.

    Images without another of their class [B] in the batch do not count.
    """
    size = ops.shape(targets)[0]
    itself = ops.eye(size, dtype=similarities.dtype)
    others = similarities - NOT_ITSELF * itself
    friends = ops.cast(ops.expand_dims(targets, 0) == ops.expand_dims(targets, 1), similarities.dtype) - itself
    counts = ops.cast(ops.sum(friends, axis=1) > 0, similarities.dtype)
    own = ops.logsumexp(others - NOT_ITSELF * (1.0 - friends), axis=1)
    share = ops.where(counts > 0, own - ops.logsumexp(others, axis=1), 0.0)
    return -ops.sum(share) / ops.maximum(ops.sum(counts), 1.0)
