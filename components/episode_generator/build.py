"""The work of the EpisodeGenerator as Beam transforms: examples to a class-indexed store, a specification to frozen
episodes. Nothing here knows of TFX, so that worker processes start without it."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf

from components.fewshot.episodes import ClassIndex, EpisodeSampler, EpisodeSpec, to_example
from components.fewshot.store import Entry, write_index, write_shard

Shape = tuple[int, int, int]


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
    files = tf.io.gfile.glob(pattern)
    for serialized in tf.data.TFRecordDataset(sorted(files), "GZIP").take(1):
        record = _record(serialized.numpy(), "class", "domain", "source_id", "image")
        height, width, channels = _pixels(record.image).shape
        return height, width, channels
    raise ValueError(f"expected transformed examples at {pattern}, found none")


class WriteStore(beam.PTransform):
    """Records to an `ImageStore` in `directory`; an image is in memory only while it is written.

    Args:
      directory: of the store.
      shape: of the pixels, or None for encoded images.
      shards: files to write.
    """

    def __init__(self, directory: str, shape: Shape | None, shards: int) -> None:
        super().__init__()
        self.directory, self.shape, self.shards = directory, shape, shards

    def expand(self, records: Any) -> Any:
        """PCollection of `Record` to one element when the store is complete."""
        return (
            records
            | "ByShard" >> beam.Map(lambda record: (_shard_of(record, self.shards), tuple(record)))
            | "Group" >> beam.GroupByKey()
            | "WriteShard" >> beam.FlatMap(_write_shard, self.directory, self.shards)
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


def _shard_of(record: Record, shards: int) -> int:
    name = f"{record.class_name}\0{record.source_id}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4]) % shards


def _write_shard(group: tuple[int, Iterable[Any]], directory: str, shards: int) -> list[Entry]:
    shard, records = group
    return list(write_shard(directory, f"shard-{shard:05}-of-{shards:05}.bin", records))


def _write_index(entries: list[Any], directory: str, shape: Shape | None) -> str:
    write_index(directory, (Entry(*entry) for entry in entries), shape)
    return os.path.join(directory, "index.json")
