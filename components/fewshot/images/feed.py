"""From episodes to tensors: reads the images of the next meta-batches while a step runs."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.task import Task
from components.fewshot.images.store import PixelStore
from components.fewshot.tensors import Images

AHEAD = 4  # meta-batches that are prepared while a step runs


def task_arrays(store: PixelStore, episode: Episode) -> Task:
    """One episode as numpy arrays; images in the store's dtype."""
    support, query = episode.support, episode.query
    return Task(store.pixels(support), support.labels, store.pixels(query), query.labels, episode.class_ids)


def meta_batches(
    store: PixelStore, draw: Callable[[int], Episode], numbers: Iterable[int], size: int
) -> Iterator[tuple[Task, ...]]:
    """Meta-batches of `size` tasks: batch `b` of `numbers` holds the episodes b*size ... b*size + size - 1."""

    def batches() -> Iterator[tuple[Task, ...]]:
        for number in numbers:
            yield tuple(task_arrays(store, draw(number * size + i)) for i in range(size))

    signature = (task_signature(store),) * size
    yield from tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(AHEAD)


def task_signature(store: PixelStore) -> Task:
    """Shapes and dtypes of a task of any way and shot, so that one compiled step serves them all."""
    one = store.pixels(_first_image())
    images, labels = tf.TensorSpec((None, *one.shape[1:]), one.dtype), tf.TensorSpec([None], tf.int32)
    return Task(images, labels, images, labels, labels)


def as_floats(task: Task) -> Task:
    """The task with images as float32 in 0..1: bytes are divided by 255, floats are taken as they are."""
    return task._replace(support=to_unit_range(task.support), query=to_unit_range(task.query))


def to_unit_range(images: Images) -> Images:
    """uint8 0..255 to float32 0..1; floats pass."""
    return tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else tf.cast(images, tf.float32)


def _first_image() -> Draw:
    return Draw(np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros(1, np.int32))
