"""The work of the FeatureExtractor as Beam transforms: from a store of pixels to a store of what a trunk makes of them.

This module does not import TFX, so that worker processes start quickly.
"""

import functools
import threading
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import apache_beam as beam
import keras
import numpy as np
import tensorflow as tf

from components.feature_extractor.settings import FeatureSettings
from components.fewshot.base_models.pure import Trunk
from components.fewshot.base_models.table import pure_base_model
from components.fewshot.episodes.episode import Draw
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.parts import parts_for, write_shard
from components.fewshot.images.store import ImageStore
from components.fewshot.parallel import BATCH, in_parallel
from components.store_index import WriteIndex, dealt

CHUNK = 256  # images of a shard: the work of one worker at a time
GIGABYTE = 1e9


class Form(NamedTuple):
    """The form in which features are stored: `views` for each image, of a shape without the batch dimension."""

    shape: tuple[int, ...]
    dtype: str
    views: int

    @property
    def bytes(self) -> int:
        """That an image takes."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize * self.views


def form_of(trunk: Trunk, views: int) -> Form:
    """The form of the features of a trunk. Maps are large and inner values of a network: half precision will do."""
    return Form(trunk.output_shape, "float16" if len(trunk.output_shape) > 1 else "float32", views)


def rows_within(store: ImageStore, each: int, budget: float, most: int | None = None) -> np.ndarray:
    """Rows of the images whose features fit into `budget` bytes at `each` bytes an image, int64, ascending.

    All of them, or of each class the same number, `most` at most; which ones, their source ids decide.

    Raises:
      ValueError: not even two images of each class fit.
    """
    counts = store.index.counts
    largest = int(counts.max(initial=0))
    # By number of images, from 1: the classes that have as many, and so what one more of each class takes.
    having = len(counts) - np.searchsorted(np.sort(counts), np.arange(1, largest + 1))
    fit = int(np.searchsorted(np.cumsum(having) * each, budget, side="right"))
    if fit < min(2, largest):
        needed = int(np.minimum(counts, 2).sum()) * each / GIGABYTE
        raise ValueError(
            f"base_model.budget: what the frozen trunk makes of two images of each class needs {needed:.1f} gigabytes, and"
            f" {budget / GIGABYTE:.1f} are left; raise it, or train less of the base model (base_model.trainable)"
        )

    fit = min(fit, most or fit)
    if fit >= largest:  # and no name needs to be read
        return np.arange(counts.sum())

    def chance(row: int) -> int:
        return zlib.crc32(store.source_ids[row].encode())

    kept = [sorted(range(start, end), key=chance)[:fit] for start, end in pairwise(store.index.starts)]
    return np.array(sorted(row for rows in kept for row in rows), np.int64)


class WriteFeatures(beam.PTransform):
    """Writes what a trunk makes of the images in some rows of a store, as a store in `directory`, one shard for each chunk."""

    def __init__(self, source: str, rows: np.ndarray, directory: str, settings: FeatureSettings, views: int) -> None:
        super().__init__()
        self.source, self.rows, self.directory = source, rows, directory
        self.settings, self.views = settings, views

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[str]:
        """Returns the path of the index, once the store is complete."""
        form, parts = form_of(extractor(self.settings).trunk, self.views), parts_for(len(self.rows))
        chunks = [(at // CHUNK, self.rows[at : at + CHUNK]) for at in range(0, len(self.rows), CHUNK)]
        return (
            begin
            | "Chunks" >> beam.Create(chunks)
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.FlatMap(_write_chunk, self.source, self.directory, self.settings, self.views, parts)
            | "Index" >> WriteIndex(self.directory, parts, *form)
        )


class Extractor(NamedTuple):
    """A trunk, and the compiled function that applies it to uint8 images [B, H, W, C]."""

    trunk: Trunk
    apply: Callable[[np.ndarray], tf.Tensor]


def extractor(settings: FeatureSettings) -> Extractor:
    """Returns the trunk of a base model; a process builds it only once.

    Raises:
      ValueError: the base model cannot be built, or has no trunk.
    """
    with _ONE_AT_A_TIME:
        return _extractor(settings.model_dump_json())


def forget() -> None:
    """Lets go of trunk and stores: the process goes on with other work."""
    with _ONE_AT_A_TIME:
        _extractor.cache_clear()
        _opened.cache_clear()


_ONE_AT_A_TIME = threading.Lock()
_opened = functools.lru_cache(2)(ImageStore.open)  # train and val: to open one is to read the names of its classes


def _store(directory: str) -> ImageStore:
    with _ONE_AT_A_TIME:
        return _opened(directory)


@functools.lru_cache(1)
def _extractor(settings_json: str) -> Extractor:
    settings = FeatureSettings.model_validate_json(settings_json)
    keras.utils.set_random_seed(settings.seed)  # the trainer builds the same base model from the same seed
    tf.config.experimental.enable_op_determinism()
    trunk = pure_base_model(settings.base_model, settings.image.shape).trunk
    if trunk is None:
        raise ValueError(f"base_model.trainable {settings.base_model.trainable!r}: expected none or last N")
    weights = trunk.values()

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, *settings.image.shape], tf.uint8)])
    def apply(images: tf.Tensor) -> tf.Tensor:
        return trunk(weights, to_unit_range(images))

    return Extractor(trunk, apply)


def _write_chunk(
    chunk: tuple[int, np.ndarray], source: str, directory: str, settings: FeatureSettings, views: int, parts: int
) -> Iterator[tuple[int, list]]:
    number, rows = chunk
    return dealt(write_shard(directory, number, _features_of(_store(source), rows, settings, views)), parts)


def _features_of(
    store: ImageStore, rows: np.ndarray, settings: FeatureSettings, views: int
) -> Iterator[tuple[str, str, str, bytes]]:
    trunk, apply = extractor(settings)
    dtype = form_of(trunk, views).dtype
    classes = np.searchsorted(store.index.starts, rows, side="right") - 1

    def batch(some: np.ndarray) -> np.ndarray:
        still = np.zeros(len(some), np.int32)
        pixels = store.pixels(Draw(some, still, still))
        seen = [pixels, pixels[:, :, ::-1]][:views]
        return np.stack([apply(np.ascontiguousarray(view)).numpy().astype(dtype) for view in seen], axis=1)

    batches = in_parallel(batch, [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)])
    features = (image for images in batches for image in images)
    for row, its_class, image in zip(rows, classes, features, strict=True):
        name, domain = store.index.names[its_class], store.index.domains[its_class]
        yield name, domain, store.source_ids[row], image.tobytes()
