"""What a learner is trained on, as tensors: one episode, or an ordinary batch."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from keras import ops

from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.tensors import Images, Labels, Tensor


class Task(NamedTuple):
    """One episode as tensors; images are float32 in 0..1."""

    support: Images  # [S, H, W, C]
    support_labels: Labels  # int32 [S], 0..way-1
    query: Images  # [Q, H, W, C]
    query_labels: Labels  # int32 [Q], -1 for a distractor; in training also float32 [Q, way], shares of the classes
    class_ids: Tensor  # int32 [way], of the whole training set

    def with_images(self, change: Callable[[Images], Images]) -> "Task":
        """The task with changed images."""
        return self._replace(support=change(self.support), query=change(self.query))

    def with_targets(self, change: Callable[[Tensor], Tensor]) -> "Task":
        """The task with changed targets: labels [Q], or shares of its classes, float32 [Q, way]."""
        return self._replace(query_labels=change(self.query_labels))

    @property
    def way(self) -> Tensor:
        """Number of classes, a scalar."""
        return ops.shape(self.class_ids)[0]


class Batch(NamedTuple):
    """An ordinary batch of labelled images, for a learner that is trained as a classifier of all training classes."""

    images: Images  # [B, H, W, C]
    targets: Labels  # int32 [B], class ids of the training set, -1 for a distractor; also float32 [B, classes], shares

    def with_images(self, change: Callable[[Images], Images]) -> "Batch":
        """The batch with changed images."""
        return self._replace(images=change(self.images))

    def with_targets(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with changed targets: labels [B], or shares of all training classes, float32 [B, classes]."""
        return self._replace(targets=change(self.targets))

    @property
    def size(self) -> Tensor:
        """Number of images, a scalar."""
        return ops.shape(self.images)[0]

    def rows(self, start: Tensor, stop: Tensor) -> "Batch":
        """The part of the batch from an image to another."""
        return Batch(*(part[start:stop] for part in self))


TrainingUnit: TypeAlias = Task | Batch | SceneTask | SceneBatch
