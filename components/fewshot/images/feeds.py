"""What a store feeds a learner with: whole images, or scenes where its rows are objects. This is the one place that asks."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from components.fewshot.episodes.batches import ShuffledBatches
from components.fewshot.episodes.episode import ClassIndex, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.episodes.scene_draw import still
from components.fewshot.episodes.scene_sampler import SceneSampler
from components.fewshot.episodes.task import TrainingUnit
from components.fewshot.images.feed import batch_arrays, batch_signature, task_arrays, task_signature
from components.fewshot.images.scene_feed import (
    scene_batch,
    scene_batch_signature,
    scene_task,
    scene_task_signature,
)
from components.fewshot.images.store import PixelStore, objects_in

Sampler: TypeAlias = Callable[[int], Episode]
"""Draws episodes by number; it can be sent to other processes."""

Batches: TypeAlias = Callable[[int], Draw]
"""Draws batches by number."""


class Feed(Protocol):
    """How a store is drawn from, and how what is drawn becomes arrays."""

    def sampler(self, spec: EpisodeSpec, seed: int) -> Sampler:
        """Draws episodes.

        Raises:
          ValueError: there are too few classes or images for them.
        """

    def task(self, episode: Episode) -> TrainingUnit:
        """An episode as arrays; images in the store's dtype."""

    def task_signature(self) -> TrainingUnit:
        """Shapes and dtypes of any task."""

    def shuffled(self, size: int, seed: int, rotations: bool) -> Batches:
        """Draws batches of `size` images of all classes; `rotations` turns them into further classes."""

    def batch(self, draw: Draw) -> TrainingUnit:
        """A batch as arrays; images in the store's dtype."""

    def batch_signature(self) -> TrainingUnit:
        """Shapes and dtypes of a batch of any size."""


def feed_of(store: PixelStore) -> Feed:
    """The feed of a store."""
    return _Images(store) if store.objects is None else _Scenes(store)


class _Images:
    def __init__(self, store: PixelStore) -> None:
        self._store = store

    def sampler(self, spec: EpisodeSpec, seed: int) -> Sampler:
        return EpisodeSampler(self._store.index, spec, seed)

    def task(self, episode: Episode) -> TrainingUnit:
        return task_arrays(self._store, episode)

    def task_signature(self) -> TrainingUnit:
        return task_signature(self._store)

    def shuffled(self, size: int, seed: int, rotations: bool) -> Batches:
        return ShuffledBatches(self._store.index, size, seed, rotations)

    def batch(self, draw: Draw) -> TrainingUnit:
        return batch_arrays(self._store, draw)

    def batch_signature(self) -> TrainingUnit:
        return batch_signature(self._store)


class _Scenes:
    def __init__(self, store: PixelStore) -> None:
        self._store, self._objects = store, objects_in(store)

    def sampler(self, spec: EpisodeSpec, seed: int) -> Sampler:
        return SceneSampler(self._objects, spec, seed)

    def task(self, episode: Episode) -> TrainingUnit:
        return scene_task(self._store, episode)

    def task_signature(self) -> TrainingUnit:
        return scene_task_signature(self._store)

    def shuffled(self, size: int, seed: int, rotations: bool) -> Batches:
        rows = self._objects.one_of_each
        draw = ShuffledBatches(ClassIndex.of([("", "", len(rows))]), size, seed)
        return lambda number: still(rows[draw(number).rows])

    def batch(self, draw: Draw) -> TrainingUnit:
        return scene_batch(self._store, draw.rows)

    def batch_signature(self) -> TrainingUnit:
        return scene_batch_signature(self._store)
