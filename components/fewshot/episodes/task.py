"""What a learner is trained on, as tensors: one episode, or an ordinary batch."""

from typing import NamedTuple

from keras import ops

from components.fewshot.tensors import Images, Labels, Tensor


class Task(NamedTuple):
    """One episode as tensors; images are float32 in 0..1."""

    support: Images  # [S, H, W, C]
    support_labels: Labels  # int32 [S], 0..way-1
    query: Images  # [Q, H, W, C]
    query_labels: Labels  # int32 [Q], -1 for a distractor
    class_ids: Tensor  # int32 [way], of the whole training set

    @staticmethod
    def of(task: "Task") -> "Task":
        """The task itself: a training unit made from an episode, as `Batch.of` makes another."""
        return task

    @property
    def way(self) -> Tensor:
        """Number of classes, a scalar."""
        return ops.shape(self.class_ids)[0]

    @property
    def targets(self) -> Labels:
        """What the logits of a learner's loss are compared with: the labels [Q] of the queries."""
        return self.query_labels


class Batch(NamedTuple):
    """An ordinary batch of labelled images, for a learner that is trained as a classifier of all training classes."""

    images: Images  # [B, H, W, C]
    targets: Labels  # int32 [B], class ids of the whole training set; -1 for a distractor

    @staticmethod
    def of(task: Task) -> "Batch":
        """The images of an episode, support before query."""
        labels = ops.concatenate([task.support_labels, task.query_labels])
        ids = ops.where(labels >= 0, ops.take(task.class_ids, ops.maximum(labels, 0)), -1)
        return Batch(ops.concatenate([task.support, task.query]), ids)
