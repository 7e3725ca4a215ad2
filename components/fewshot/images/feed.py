"""From draws to tensors: reads the images of the next units while a step runs."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.task import Batch, Task, TrainingUnit
from components.fewshot.images.store import PixelStore
from components.fewshot.parallel import in_parallel
from components.fewshot.tensors import Images

AHEAD = 4  # steps whose images are prepared while a step runs


def task_arrays(store: PixelStore, episode: Episode) -> Task:
    """One episode as numpy arrays; images in the store's dtype."""
    support, query = episode.support, episode.query
    return Task(store.pixels(support), support.labels, store.pixels(query), query.labels, episode.class_ids)


def batch_arrays(store: PixelStore, draw: Draw) -> Batch:
    """One ordinary batch as numpy arrays; images in the store's dtype."""
    return Batch(store.pixels(draw), draw.labels)


def fed(read: Callable[[int], TrainingUnit], numbers: Iterable[int], each: int) -> Iterator[tuple[TrainingUnit, ...]]:
    """What each step of `numbers` trains on: step `s` gets the units s*each ... s*each + each - 1, read ahead as numpy arrays."""
    # Not a dataset of TensorFlow from a generator: from the first one on, it gives every freed tensor back to the system.
    return in_parallel(lambda number: tuple(read(number * each + i) for i in range(each)), numbers, AHEAD)


def task_signature(store: PixelStore) -> Task:
    """Shapes and dtypes of a task of any way and shot, so that one compiled step serves them all."""
    images, labels = images_signature(store), tf.TensorSpec([None], tf.int32)
    return Task(images, labels, images, labels, labels)


def batch_signature(store: PixelStore) -> Batch:
    """Shapes and dtypes of a batch of any size."""
    return Batch(images_signature(store), tf.TensorSpec([None], tf.int32))


def to_unit_range(images: Images) -> Images:
    """uint8 0..255 to float32 0..1; floats pass."""
    return tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else tf.cast(images, tf.float32)


def images_signature(store: PixelStore) -> tf.TensorSpec:
    """Shape and dtype of any number of images of a store."""
    one = store.pixels(Draw(np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros(1, np.int32)))
    return tf.TensorSpec((None, *one.shape[1:]), one.dtype)
