"""The work of the EpisodeGenerator as Beam transforms: they write a class-indexed store and draw frozen episodes.

This module does not import TFX, so that worker processes start quickly.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import tensorflow as tf
from cachetools import LRUCache, cached

from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.frozen import to_example
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.parts import parts_for, write_shard
from components.fewshot.parallel import batched, in_parallel
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Preprocess
from components.store_index import WriteIndex, dealt
from components.transform_graph import preprocess_of
from data.keys import CLASS, DOMAIN, ENCODED, SOURCE_ID

FEW = 16  # examples at a time


class Record(NamedTuple):
    """One image, with its class and domain."""

    class_name: str
    domain: str
    source_id: str
    image: bytes


class Pixels(NamedTuple):
    """How encoded images become pixels: the directory of a transform graph, and the form that it gives them."""

    graph: str
    image: ImageSpec


def count_examples(pattern: str) -> int:
    """Returns how many examples some files hold."""
    return sum(1 for path in tf.io.gfile.glob(pattern) for _ in _examples(path))


class WriteStore(beam.PTransform):
    """Writes files of examples as an `ImageStore` in `directory`, one shard for each file.

    A worker streams one file to one shard and holds only a few images at a time; `WriteIndex` says what the index takes.

    Args:
      files: the paths of the files, in any order.
      directory: where the store is written.
      pixels: how the images become pixels; None if the store keeps them encoded.
      left_out: source ids of images that are not written. Each worker holds them.
      images: how many there are, about.
    """

    def __init__(
        self,
        files: Iterable[str],
        directory: str,
        pixels: Pixels | None = None,
        left_out: Collection[str] = frozenset(),
        images: int = 0,
    ) -> None:
        super().__init__()
        self.files, self.directory, self.pixels, self.left_out = sorted(files), directory, pixels, left_out
        self.parts = parts_for(images)

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[str]:
        """Returns the path of the index, once the store is complete."""
        return (
            begin
            | "Files" >> beam.Create(list(enumerate(self.files)))
            | "Spread" >> beam.Reshuffle()
            | "Shard" >> beam.FlatMap(_write_shard, self.directory, self.pixels, self.left_out, self.parts)
            | "Index" >> WriteIndex(self.directory, self.parts, self.pixels.image.shape if self.pixels else None)
        )


class DrawEpisodes(beam.PTransform):
    """Draws the episodes of given numbers; each worker draws its own, independently of the others."""

    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        super().__init__()
        self.args = (index, spec, seed)

    def expand(self, numbers: beam.PCollection[int]) -> beam.PCollection[bytes]:
        """Takes episode numbers; returns the serialized episodes (`to_example`)."""
        return numbers | beam.ParDo(_Draw(*self.args))


class _Draw(beam.DoFn):
    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        self.args = (index, spec, seed)

    def setup(self) -> None:
        self.sampler = EpisodeSampler(*self.args)

    def process(self, number: int) -> Iterator[bytes]:
        yield to_example(self.sampler(number))


def _write_shard(
    file: tuple[int, str], directory: str, pixels: Pixels | None, left_out: Collection[str], parts: int
) -> Iterator[tuple[int, list]]:
    number, path = file
    kept = (record for record in _records(path) if record.source_id not in left_out)
    return dealt(write_shard(directory, number, in_pixels(kept, pixels) if pixels else kept), parts)


def in_pixels(records: Iterable[Record], pixels: Pixels) -> Iterator[Record]:
    """Yields the records with pixels, uint8 row by row, in place of encoded images."""
    preprocess = _preprocess(pixels)

    def decoded(some: list[Record]) -> list[Record]:
        images = preprocess(tf.constant([record.image for record in some])).numpy()
        return [record._replace(image=image.tobytes()) for record, image in zip(some, images, strict=True)]

    for few in in_parallel(decoded, batched(records, FEW)):
        yield from few


@cached(LRUCache(1), condition=threading.Condition())  # loaded once, however many workers ask for it first
def _preprocess(pixels: Pixels) -> Preprocess:
    preprocess, _ = preprocess_of(*pixels)
    return tf.function(preprocess, autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])


def _records(path: str) -> Iterator[Record]:
    return (_record(serialized) for few in _examples(path).batch(FEW) for serialized in few.numpy())


def _record(serialized: bytes) -> Record:
    feature = tf.train.Example.FromString(serialized).features.feature
    class_name, domain, source_id, image = (
        feature[key].bytes_list.value[0] for key in (CLASS, DOMAIN, SOURCE_ID, ENCODED)
    )
    return Record(class_name.decode(), domain.decode(), source_id.decode(), image)


def _examples(path: str) -> tf.data.TFRecordDataset:
    return tf.data.TFRecordDataset(path, "GZIP" if path.endswith(".gz") else "")
