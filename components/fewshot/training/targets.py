"""Soft targets: label smoothing, and mixup of ordinary batches. Both turn class numbers into shares of the classes."""

import tensorflow as tf
from keras import ops

from components.fewshot.episodes.task import Batch
from components.fewshot.learners.maths import shares_of
from components.fewshot.tensors import Tensor, Way

LEAST = 1e-30  # of a sum that is divided by


def smoothed(targets: Tensor, classes: Way, smoothing: float) -> Tensor:
    """Shares of the classes, float32 [B, classes], of targets int32 [B]: all but `smoothing` for the own class, and that spread
    evenly over all (Szegedy et al. 2016). A distractor (-1) has none."""
    shares = shares_of(targets, classes, "float32")
    known = ops.sum(shares, axis=1, keepdims=True)
    return (1.0 - smoothing) * shares + smoothing * known / ops.cast(classes, "float32")


def mixed_up(batch: Batch, classes: Way, alpha: float, seeds: Tensor) -> Batch:
    """Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412): each image is mixed with the one before it, and so are their
    targets. Its own share is drawn from Beta(alpha, alpha), a pure function of seeds, int64 [2]."""
    count = ops.shape(batch.targets)[0]
    drawn = tf.random.stateless_gamma([2, count], seeds, alpha)  # a / (a + b) of gamma variables is a beta variable
    return mixed(batch, classes, drawn[0] / ops.maximum(drawn[0] + drawn[1], LEAST))


def mixed(batch: Batch, classes: Way, own: Tensor) -> Batch:
    """The batch in which image i has the share own[i], float32 [B], and the one before it the rest; before the first is the last.

    A shuffled batch has no order, so the one before is as good as any.
    """

    def mix(values: Tensor) -> Tensor:
        share = ops.reshape(own, (-1, *(1 for _ in values.shape[1:])))
        return share * values + (1.0 - share) * ops.roll(values, 1, axis=0)

    shares = shares_of(batch.targets, classes, "float32")
    return batch.with_images(mix).with_targets(lambda _: mix(shares))
