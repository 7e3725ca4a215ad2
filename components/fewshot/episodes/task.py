"""What a learner is trained on, as tensors: one episode, or an ordinary batch."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from keras import ops

from components.fewshot.tensors import Images, Labels, Tensor


class Task(NamedTuple):
    """One episode as tensors; images are float32 in 0..1."""

    support: Images  # [S, H, W, C]
    support_labels: Labels  # int32 [S], 0..way-1
    query: Images  # [Q, H, W, C]
    query_labels: Labels  # int32 [Q], -1 for a distractor
    class_ids: Tensor  # int32 [way], of the whole training set

    def with_images(self, change: Callable[[Images], Images]) -> "Task":
        """The task with changed images."""
        return self._replace(support=change(self.support), query=change(self.query))

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

    def with_images(self, change: Callable[[Images], Images]) -> "Batch":
        """The batch with changed images."""
        return self._replace(images=change(self.images))


TrainingUnit: TypeAlias = Task | Batch
