"""The work of the EpisodeGenerator as Beam transforms: they write a class-indexed store and draw frozen episodes.

This module does not import TFX, so that worker processes start quickly.
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
from cachetools import LRUCache, cached

from components.fewshot.episodes.frozen import to_example
from components.fewshot.images.feeds import Sampler
from components.fewshot.images.fit import box_map
from components.fewshot.images.object_rows import Object, object_rows
from components.fewshot.images.parts import Shown, parts_for, write_scenes
from components.fewshot.parallel import batched, in_parallel
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Preprocess
from components.store_index import WriteIndex, dealt
from components.transform_graph import preprocess_of
from data.keys import (
    CLASS,
    DOMAIN,
    ENCODED,
    HEIGHT,
    IS_CROWD,
    OBJECT_CLASS,
    SOURCE_ID,
    STRANGER,
    WIDTH,
    XMAX,
    XMIN,
    YMAX,
    YMIN,
)
from data.sources.folders import domain_of

FEW = 16  # examples at a time


class Record(NamedTuple):
    """One image, and the rows of the store that it becomes."""

    source_id: str
    rows: list[Shown]
    image: bytes
    size: tuple[int, int] = (0, 0)  # height and width of what a viewer shows


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

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self.sampler = sampler

    def expand(self, numbers: beam.PCollection[int]) -> beam.PCollection[bytes]:
        """Takes episode numbers; returns the serialized episodes (`to_example`)."""
        return numbers | beam.ParDo(_Draw(self.sampler))


class _Draw(beam.DoFn):
    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def process(self, number: int) -> Iterator[bytes]:
        yield to_example(self.sampler(number))


def _write_shard(
    file: tuple[int, str], directory: str, pixels: Pixels | None, left_out: Collection[str], parts: int
) -> Iterator[tuple[int, list]]:
    number, path = file
    kept: Iterable[Record] = (record for record in _records(path) if record.source_id not in left_out)
    records = in_pixels(kept, pixels) if pixels else kept
    return dealt(write_scenes(directory, number, ((record.rows, record.image) for record in records)), parts)


def in_pixels(records: Iterable[Record], pixels: Pixels) -> Iterator[Record]:
    """Yields the records with pixels, uint8 row by row, in place of encoded images, and their boxes where they are in these."""
    preprocess = _preprocess(pixels)

    def decoded(some: list[Record]) -> list[Record]:
        images = preprocess(tf.constant([record.image for record in some])).numpy()
        made = zip(some, images, _fitted(some, pixels.image), strict=True)
        return [record._replace(image=image.tobytes(), rows=rows) for record, image, rows in made]

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
    source_id, image = feature[SOURCE_ID].bytes_list.value[0].decode(), feature[ENCODED].bytes_list.value[0]
    if YMIN in feature:
        height, width = (feature[key].int64_list.value[0] for key in (HEIGHT, WIDTH))
        return Record(source_id, _objects(feature, source_id), image, (height, width))
    class_name, domain = (feature[key].bytes_list.value[0].decode() for key in (CLASS, DOMAIN))
    return Record(source_id, [Shown(class_name, domain, source_id)], image)


def _objects(feature: Mapping[str, tf.train.Feature], source_id: str) -> list[Shown]:
    """The rows of an image with boxes: its objects, or one of nothing."""
    edges = zip(*(feature[key].float_list.value for key in (YMIN, XMIN, YMAX, XMAX)), strict=True)
    names = [name.decode() for name in feature[OBJECT_CLASS].bytes_list.value]
    flags = zip(*(feature[key].int64_list.value for key in (IS_CROWD, STRANGER)), strict=True)
    told = zip(names, edges, flags, strict=True)
    objects = (Object(name, domain_of(name), box, bool(crowd), bool(other)) for name, box, (crowd, other) in told)
    return object_rows(source_id, objects)


def _fitted(some: Sequence[Record], image: ImageSpec) -> list[list[Shown]]:
    """The rows of images, their boxes as they are in the fitted form of each."""
    if all(row.box is None for record in some for row in record.rows):
        return [record.rows for record in some]
    sizes = tf.constant([record.size for record in some])
    maps = (part.numpy() for part in box_map(sizes, image))  # at once: a call takes long
    return [
        [row._replace(box=tuple((np.array(row.box, np.float32) * scale + offset).tolist())) for row in record.rows]
        for record, scale, offset in zip(some, *maps, strict=True)
    ]


def _examples(path: str) -> tf.data.TFRecordDataset:
    return tf.data.TFRecordDataset(path, "GZIP" if path.endswith(".gz") else "")
