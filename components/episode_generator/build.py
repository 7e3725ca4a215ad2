"""The work of the EpisodeGenerator as Beam transforms: examples to a class-indexed store, a specification to frozen
episodes. Nothing here knows of TFX, so that worker processes start without it."""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf

from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.frozen import to_example
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.store import Entry, write_index, write_shard

Shape = tuple[int, int, int]

FEW = 16  # examples read at a time


class Record(NamedTuple):
    """One image with its class."""

    class_name: str
    domain: str
    source_id: str
    image: bytes


def raw_record(serialized: bytes) -> Record:
    """Of a raw example: the encoded file."""
    return _record(serialized, "image/class/text", "image/class/domain", "image/source_id", "image/encoded")


def pixel_record(serialized: bytes) -> Record:
    """Of a transformed example: uint8 pixels, row by row."""
    record = _record(serialized, "class", "domain", "source_id", "image")
    return record._replace(image=_pixels(record.image).tobytes())


def pixel_shape(pattern: str) -> Shape:
    """Shape [H, W, C] of the pixels in transformed examples, which all share it.

    Raises:
      ValueError: the files hold no example.
    """
    for path in sorted(tf.io.gfile.glob(pattern)):
        for serialized in _examples(path).take(1):
            record = _record(serialized.numpy(), "class", "domain", "source_id", "image")
            height, width, channels = _pixels(record.image).shape
            return height, width, channels
    raise ValueError(f"expected transformed examples at {pattern}, found none")


class WriteStore(beam.PTransform):
    """Files of examples to an `ImageStore` in `directory`, a shard a file.

    A worker streams one file to one shard, so that it holds one image at a time; only where each image lies is gathered.

    Args:
      directory: of the store.
      shape: of the pixels, or None for encoded images.
      record: one example to its `Record`.
    """

    def __init__(self, directory: str, shape: Shape | None, record: Callable[[bytes], Record]) -> None:
        super().__init__()
        self.directory, self.shape, self.record = directory, shape, record

    def expand(self, files: Any) -> Any:
        """PCollection of paths to one element when the store is complete."""
        return (
            files
            | "Spread" >> beam.Reshuffle()
            | "WriteShard" >> beam.FlatMap(_write_shard, self.directory, self.record)
            | "Entries" >> beam.combiners.ToList()
            | "WriteIndex" >> beam.Map(_write_index, self.directory, self.shape)
        )


class DrawEpisodes(beam.PTransform):
    """Episode numbers to serialized episodes, each worker drawing its own with no word to another."""

    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        super().__init__()
        self.args = (index, spec, seed)

    def expand(self, numbers: Any) -> Any:
        """PCollection of int to PCollection of bytes (`to_example`)."""
        return numbers | beam.ParDo(_Draw(*self.args))


class _Draw(beam.DoFn):
    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        self.args = (index, spec, seed)

    def setup(self) -> None:
        self.sampler = EpisodeSampler(*self.args)

    def process(self, number: int) -> Iterator[bytes]:
        yield to_example(self.sampler(number))


def _record(serialized: bytes, *keys: str) -> Record:
    feature = tf.train.Example.FromString(serialized).features.feature
    class_name, domain, source_id, image = (feature[key].bytes_list.value[0] for key in keys)
    return Record(class_name.decode(), domain.decode(), source_id.decode(), image)


def _pixels(serialized: bytes) -> Any:
    return tf.io.parse_tensor(serialized, tf.uint8).numpy()


def _write_shard(path: str, directory: str, record: Callable[[bytes], Record]) -> Iterator[Entry]:
    examples = (record(serialized) for few in _examples(path).batch(FEW) for serialized in few.numpy())
    return write_shard(directory, f"shard-{os.path.basename(path).removesuffix('.gz')}.bin", examples)


def _examples(path: str) -> tf.data.TFRecordDataset:
    return tf.data.TFRecordDataset(path, "GZIP" if path.endswith(".gz") else "")


def _write_index(entries: list[Any], directory: str, shape: Shape | None) -> str:
    write_index(directory, (Entry(*entry) for entry in entries), shape)
    return os.path.join(directory, "index.json")
