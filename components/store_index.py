"""Writes the index of an image store as a Beam transform, for all components that write shards."""

import os
from collections.abc import Iterable, Iterator

import apache_beam as beam

from components.fewshot.images.parts import INDEX, Entry, Part, Shape, by_part, write_index, write_part


def dealt(entries: Iterable[Entry], parts: int) -> Iterator[tuple[int, list]]:
    """What `by_part` yields, with plain tuples for entries: they take Beam half the bytes."""
    return ((part, [tuple(entry) for entry in some]) for part, some in by_part(entries, parts))


class WriteIndex(beam.PTransform):
    """Writes the index of a store. A worker holds the entries of one part; only the classes are gathered in one place.

    Args:
      directory: of the store, where the shards are.
      parts: into how many parts the entries have been dealt.
      shape, dtype, views: of the images (`ImageStore`).
    """

    def __init__(self, directory: str, parts: int, shape: Shape | None, dtype: str = "uint8", views: int = 1) -> None:
        super().__init__()
        self.directory, self.parts, self.form = directory, parts, (shape, dtype, views)

    def expand(self, entries: beam.PCollection[tuple[int, list]]) -> beam.PCollection[str]:
        """Takes what `dealt` yields; returns the path of the index, once the store is complete."""
        return (
            entries
            | "Together" >> beam.GroupByKey()
            | "Part" >> beam.Map(_write_part, self.directory)
            | "Parts" >> beam.combiners.ToList()
            | "Index" >> beam.Map(_write_index, self.directory, self.parts, *self.form)
        )


def _write_part(part: tuple[int, Iterable[list]], directory: str) -> tuple:
    number, entries = part
    return tuple(write_part(directory, number, (Entry(*entry) for some in entries for entry in some)))


def _write_index(parts: list[tuple], directory: str, number: int, shape: Shape | None, dtype: str, views: int) -> str:
    write_index(directory, (Part(*part) for part in parts), number, shape, dtype, views)
    return os.path.join(directory, INDEX)
