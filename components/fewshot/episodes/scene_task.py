"""What a detector is trained on, as tensors: one episode of scenes, or an ordinary batch of them."""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from components.fewshot.episodes.scenes import STRANGER, Marked, Scenes
from components.fewshot.tensors import Images, Labels, Tensor


class SceneTask(NamedTuple):
    """One episode.

    All objects in its images keep their classes, those outside the episode, too: what is a stranger to the episode
    (`in_episode`) still teaches a learner what it is.
    """

    support: Marked  # way * shot objects
    support_labels: Labels  # int32 [B], 0..way-1
    around: Tensor  # float32 [I, M, 4], all objects in the images of the support set, those that are marked among them
    around_labels: Labels  # int32 [I, M], class ids of the training set, or below 0
    query: Scenes  # labels are class ids of the training set, or below 0
    class_ids: Tensor  # int32 [way], of the whole training set

    def with_images(self, change: Callable[[Images], Images]) -> "SceneTask":
        """The task with changed images; no place in them may change."""
        support = self.support._replace(images=change(self.support.images))
        return self._replace(support=support, query=self.query._replace(images=change(self.query.images)))

    @property
    def scenes(self) -> Scenes:
        """All images with all their objects, [I + Q], those of the support set first."""
        given = (self.support.images, self.around, self.around_labels)
        return Scenes(*(ops.concatenate(pair) for pair in zip(given, self.query, strict=True)))

    def in_episode(self, labels: Labels) -> Labels:
        """Class ids [...] as labels of the episode: 0..way-1, STRANGER for another class; what is below 0 stays."""
        own = ops.expand_dims(labels, -1) == self.class_ids
        return ops.where(ops.any(own, axis=-1), ops.argmax(own, axis=-1), ops.minimum(labels, STRANGER))

    @property
    def way(self) -> Tensor:
        """Number of classes, a scalar."""
        return ops.shape(self.class_ids)[0]


class SceneBatch(NamedTuple):
    """An ordinary batch, for a detector that is trained as one of all training classes."""

    scenes: Scenes  # labels are class ids of the training set, or below 0

    def with_images(self, change: Callable[[Images], Images]) -> "SceneBatch":
        """The batch with changed images; no place in them may change."""
        return SceneBatch(self.scenes._replace(images=change(self.scenes.images)))

    @property
    def size(self) -> Tensor:
        """Number of images, a scalar."""
        return ops.shape(self.scenes.images)[0]

    def rows(self, start: Tensor, stop: Tensor) -> "SceneBatch":
        """The part of the batch from an image to another."""
        return SceneBatch(Scenes(*(part[start:stop] for part in self.scenes)))
