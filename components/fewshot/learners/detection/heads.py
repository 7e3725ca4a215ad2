"""How regions are named: by the cosine to a direction of each class, or by a logit of the background."""

import keras
from keras import ops

from components.fewshot.tensors import Labels, Logits, Scalar, Tensor, Vectors, Way

SCALE = 10.0  # of cosines, at the start
BACKGROUND = 0.5  # cosine, at the start, below which a region is rather of the background than of a class
NEVER = -1e9  # cosine of a class that nothing is known of
LEAST = 1e-12  # squared length that is divided by; a vector of zeros stays one, and so does its gradient


def directed(vectors: Tensor) -> Tensor:
    """Vectors [..., D], each divided by its length; zero stays zero."""
    return vectors * ops.rsqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), LEAST))


def prototypes(vectors: Vectors, labels: Labels, way: Way) -> Tensor:
    """The mean direction of the vectors [B, D] of each class, [way, D] of unit length; zero for a class without any."""
    of_class = ops.cast(ops.expand_dims(ops.arange(way, dtype=labels.dtype), 1) == labels, vectors.dtype)
    return directed(ops.matmul(of_class, directed(vectors)))


def cosines(vectors: Tensor, directions: Tensor) -> Tensor:
    """Of vectors [..., D] to directions [classes, D], [..., classes]; of zeros, 0."""
    return ops.matmul(directed(vectors), ops.transpose(directed(directions)))


def against_background(
    vectors: Tensor, directions: Tensor, log_scale: Scalar, background: Tensor, less: Tensor | float = 0.0
) -> Logits:
    """Logits [..., classes + 1] of vectors [..., D]: scaled cosines to directions [classes, D], and background, [1], as
    one.

    A class whose direction is zero is never chosen.

    Args:
      less: [..., 1], what the cosines are lowered by.
    """
    likeness = cosines(vectors, directions) - less
    last = ops.broadcast_to(background, (*ops.shape(likeness)[:-1], 1))
    likeness = ops.where(ops.any(directions != 0.0, axis=1), likeness, NEVER)
    return ops.exp(log_scale) * ops.concatenate([likeness, last], axis=-1)


def cosine_head(name: str = "", scale: float = SCALE) -> list[keras.Variable]:
    """The logarithm of the scale of cosines, and the cosine [1] that stands for the background."""
    background = keras.Variable(ops.full((1,), BACKGROUND), name=f"{name}background")
    return [keras.Variable(ops.log(scale), name=f"{name}log_scale"), background]


def unit_kernel(size: int, classes: int, seed: int) -> keras.Variable:
    """Random directions [classes, size]."""
    return keras.Variable(
        keras.initializers.RandomNormal(stddev=size**-0.5, seed=seed), shape=(classes, size), name="kernel"
    )
