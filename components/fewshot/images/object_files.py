"""A store of objects in image files, which are read where they are."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.episodes.objects import Objects
from components.fewshot.images.parts import OF_A_CLASS, Shown, group_of
from components.fewshot.images.store import ImageStore


def store_of_objects(rows: Sequence[tuple[Shown, str]]) -> ImageStore:
    """A store of these rows, in any order, each with the path of its image: in it, rows are sorted as in one on disk."""
    ordered = sorted(rows, key=lambda row: (group_of(row[0].label, row[0].class_name), row[0].source_id))
    shown, paths = [row for row, _ in ordered], [path for _, path in ordered]
    index = _index(shown, paths)
    boxes = np.array([row.box for row in shown], np.float32).reshape(-1, 4)
    numbers = {name: place for place, name in enumerate(index.names)}
    labels = [numbers[row.class_name] if row.label == OF_A_CLASS else row.label for row in shown]
    images = np.unique(paths, return_inverse=True)[1].astype(np.int64)

    def read(row: int) -> bytes:
        with tf.io.gfile.GFile(paths[row], "rb") as file:
            return bytes(file.read())

    objects = Objects(index, boxes, images, np.array(labels, np.int32))
    return ImageStore(index, [row.source_id for row in shown], read, None, objects=lambda: objects)


def _index(rows: Sequence[Shown], paths: Sequence[str]) -> ClassIndex:
    """The classes of rows that are sorted."""
    domains: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)
    images: dict[str, set[str]] = defaultdict(set)
    for row, path in zip(rows, paths, strict=True):
        if row.label == OF_A_CLASS:
            domains.setdefault(row.class_name, row.domain)
            counts[row.class_name] += 1
            images[row.class_name].add(path)
    index = ClassIndex.of((name, domains[name], counts[name]) for name in counts)
    return index._replace(distinct=np.array([len(images[name]) for name in counts], np.int64))
