"""A store of objects in image files, which are read where they are."""

from collections.abc import Sequence

import tensorflow as tf

from components.fewshot.images.object_table import table_of
from components.fewshot.images.parts import Shown
from components.fewshot.images.store import ImageStore


def store_of_objects(rows: Sequence[tuple[Shown, str]]) -> ImageStore:
    """A store of these rows, in any order, each with the path of its image: in it, rows are sorted as in one on disk."""
    shown, paths, objects = table_of(rows)

    def read(row: int) -> bytes:
        with tf.io.gfile.GFile(paths[row], "rb") as file:
            return bytes(file.read())

    return ImageStore(objects.index, [row.source_id for row in shown], read, None, objects=lambda: objects)
