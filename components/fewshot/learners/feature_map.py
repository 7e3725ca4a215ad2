"""What heads do to feature vectors before they compare them: centre, whiten, and turn them a little, each if it is asked for.

On the features of a pretrained network these are worth several points, and take seconds:

- centring takes away a share of the mean feature of the training classes (CL2N: Wang et al. 2019, https://arxiv.org/abs/1911.04623);
- whitening scales directions by how little the images of one class differ in them, shrunk towards none, in closed form;
- a residual map x + xA is learned; A starts at zero, so that training begins with the features as they are.

Vectors have unit length before and after each.
"""

import keras
import numpy as np
from keras import ops

from components.fewshot.learners.maths import unit_length
from components.fewshot.settings.learners import FeatureMapSettings
from components.fewshot.tensors import Scalar, Tensor, Vectors


class FeatureMap:
    """The map from feature vectors [B, D] to feature vectors [B, D].

    Args:
      settings: which parts it has.
      size: D.
    """

    def __init__(self, settings: FeatureMapSettings, size: int) -> None:
        self.settings, self.size = settings, size

    @property
    def has_statistics(self) -> bool:
        """Whether it needs to see the features of the training classes (`statistics`) before it is used."""
        return bool(self.settings.centre or self.settings.whiten)

    def build(self) -> list[keras.Variable]:
        """A [D, D], where there is a residual map."""
        zeros = ops.zeros((self.size, self.size))
        return [] if self.settings.residual is None else [keras.Variable(zeros, name="residual")]

    def build_state(self) -> list[keras.Variable]:
        """The mean [D] and the whitening [D, D] of the training classes, where they are used; before, they change nothing."""
        starts = {"centre": ops.zeros(self.size)} if self.settings.centre else {}
        starts |= {"whitening": ops.eye(self.size)} if self.settings.whiten else {}
        return [keras.Variable(start, trainable=False, name=name) for name, start in starts.items()]

    def statistics(self, vectors: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        """The values of `build_state` for the features [N, D] of the training classes and their labels [N]."""
        vectors = vectors.astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-8)
        found = [vectors.mean(axis=0)] if self.settings.centre else []
        found += [whitening(vectors, labels, self.settings.whiten)] if self.settings.whiten else []
        return [value.astype(np.float32) for value in found]

    def __call__(self, own: list[Tensor], state: list[Tensor], vectors: Vectors) -> Vectors:
        """The mapped vectors [B, D], given the values of `build` and `build_state`; without any part, the vectors themselves."""
        settings, state = self.settings, list(state)
        if not settings.centre and not settings.whiten and settings.residual is None:
            return vectors
        vectors = unit_length(vectors)
        if settings.centre:
            vectors = vectors - settings.centre * state.pop(0)
        if settings.whiten:
            vectors = ops.matmul(vectors, state.pop(0))
        vectors = unit_length(vectors)
        if settings.residual is None:
            return vectors
        return unit_length(vectors + ops.matmul(vectors, own[0]))

    def penalty(self, own: list[Tensor]) -> Scalar | float:
        """What keeps the residual map small: without it, it ends worse than it began."""
        return 0.0 if self.settings.residual is None else self.settings.residual * ops.sum(ops.square(own[0]))


def whitening(vectors: np.ndarray, labels: np.ndarray, shrink: float) -> np.ndarray:
    """(S + shrink * mean(eigenvalues of S) * I)^(-1/2), float64 [D, D], for the scatter S of vectors [N, D] within their classes.

    It is scaled to a mean eigenvalue of 1; the length of a vector does not matter later.
    """
    within = vectors.copy()
    for label in np.unique(labels):
        mine = labels == label
        within[mine] -= vectors[mine].mean(axis=0)
    scatter = within.T @ within / len(within)
    values, directions = np.linalg.eigh(scatter)
    mean = float(values.mean())
    if mean <= 0.0:  # one image a class: nothing is known
        return np.eye(vectors.shape[1])
    scales = (values.clip(0.0) + shrink * mean) ** -0.5
    return (directions * (scales / scales.mean())) @ directions.T
