"""The work of the EpisodeGenerator as Beam transforms: they write a class-indexed store and draw frozen episodes.

This module does not import TFX, so that worker processes start quickly.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.frozen import to_example
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.feature import pixels_of
from components.fewshot.images.store import Entry, write_index, write_shard

Shape = tuple[int, int, int]

FEW = 16  # examples read at a time


class Record(NamedTuple):
    """One image, with its class and domain."""

    class_name: str
    domain: str
    source_id: str
    image: bytes


def raw_record(serialized: bytes) -> Record:
    """Returns the record of a raw example, whose image is the encoded file."""
    feature = _feature(serialized)
    class_name, domain, source_id = _texts(feature, "image/class/text", "image/class/domain", "image/source_id")
    return Record(class_name, domain, source_id, feature["image/encoded"].bytes_list.value[0])


def pixel_record(serialized: bytes) -> Record:
    """Returns the record of a transformed example, whose image is uint8 pixels, row by row."""
    feature = _feature(serialized)
    class_name, domain, source_id = _texts(feature, "class", "domain", "source_id")
    return Record(class_name, domain, source_id, _pixels(feature).tobytes())


def count_examples(pattern: str) -> int:
    """Returns how many examples some files hold."""
    return sum(1 for path in tf.io.gfile.glob(pattern) for _ in _examples(path))


def pixel_shape(pattern: str) -> Shape:
    """Returns the shape [H, W, C] of the images in transformed examples; all of them have the same shape.

    Raises:
      ValueError: the files hold no example.
    """
    for path in sorted(tf.io.gfile.glob(pattern)):
        for serialized in _examples(path).take(1):
            height, width, channels = _pixels(_feature(serialized.numpy())).shape
            return height, width, channels
    raise ValueError(f"expected transformed examples at {pattern}, found none")


class WriteStore(beam.PTransform):
    """Writes files of examples as an `ImageStore` in `directory`, one shard for each file.

    A worker streams one file to one shard and holds only a few images at a time. The only data that are gathered in one
    place are the positions of the images.

    Args:
      directory: where the store is written.
      shape: the shape of the pixels, or None for encoded images.
      record: turns one serialized example into a `Record`.
      left_out: source ids of images that are not written.
    """

    def __init__(
        self,
        directory: str,
        shape: Shape | None,
        record: Callable[[bytes], Record],
        left_out: Collection[str] = frozenset(),
    ) -> None:
        super().__init__()
        self.directory, self.shape, self.record, self.left_out = directory, shape, record, left_out

    def expand(self, files: beam.PCollection[str]) -> beam.PCollection[str]:
        """Takes the paths of the files; returns the path of the index, once the store is complete."""
        return (
            files
            | "Spread" >> beam.Reshuffle()
            | "WriteShard" >> beam.FlatMap(_write_shard, self.directory, self.record, self.left_out)
            | "Entries" >> beam.combiners.ToList()
            | "WriteIndex" >> beam.Map(_write_index, self.directory, self.shape)
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


def _feature(serialized: bytes) -> Mapping[str, tf.train.Feature]:
    return tf.train.Example.FromString(serialized).features.feature


def _texts(feature: Mapping[str, tf.train.Feature], *keys: str) -> list[str]:
    return [feature[key].bytes_list.value[0].decode() for key in keys]


def _pixels(feature: Mapping[str, tf.train.Feature]) -> np.ndarray:
    return pixels_of(feature["image"].int64_list.value)


def _write_shard(
    path: str, directory: str, record: Callable[[bytes], Record], left_out: Collection[str]
) -> Iterator[Entry]:
    records = (record(serialized) for few in _examples(path).batch(FEW) for serialized in few.numpy())
    kept = (one for one in records if one.source_id not in left_out)
    return write_shard(directory, f"shard-{os.path.basename(path).removesuffix('.gz')}.bin", kept)


def _examples(path: str) -> tf.data.TFRecordDataset:
    return tf.data.TFRecordDataset(path, "GZIP" if path.endswith(".gz") else "")


def _write_index(entries: list[Entry], directory: str, shape: Shape | None) -> str:
    write_index(directory, (Entry(*entry) for entry in entries), shape)  # Beam has its own class for these tuples

    return os.path.join(directory, "index.json")
