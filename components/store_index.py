"""Writes the index of an image store as a Beam transform, for all components that write shards."""

import os
from collections.abc import Iterable

import apache_beam as beam

from components.fewshot.images.parts import INDEX, Entry, Part, Shape, write_index, write_part


class WriteIndex(beam.PTransform):
    """Writes the index of a store. A worker holds the entries of one part; only the classes are gathered in one place.

    Args:
      directory: of the store, where the shards are.
      parts: into how many parts `parts.by_part` has dealt the entries.
      shape, dtype, views: of the images (`ImageStore`).
    """

    def __init__(self, directory: str, parts: int, shape: Shape | None, dtype: str = "uint8", views: int = 1) -> None:
        super().__init__()
        self.directory, self.parts, self.form = directory, parts, (shape, dtype, views)

    def expand(self, dealt: beam.PCollection[tuple[int, list]]) -> beam.PCollection[str]:
        """Takes what `by_part` yields; returns the path of the index, once the store is complete."""
        return (
            dealt
            | "Together" >> beam.GroupByKey()
            | "Part" >> beam.Map(_write_part, self.directory)
            | "Parts" >> beam.combiners.ToList()
            | "Index" >> beam.Map(_write_index, self.directory, self.parts, *self.form)
        )


def _write_part(part: tuple[int, Iterable[list]], directory: str) -> tuple:
    number, dealt = part
    return tuple(write_part(directory, number, (Entry(*entry) for some in dealt for entry in some)))


def _write_index(parts: list[tuple], directory: str, number: int, shape: Shape | None, dtype: str, views: int) -> str:
    write_index(directory, (Part(*part) for part in parts), number, shape, dtype, views)
    return os.path.join(directory, INDEX)
