"""The objects of rows, sorted as a store on disk sorts them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.episodes.objects import Objects
from components.fewshot.images.parts import OF_A_CLASS, Shown, group_of

Image = TypeVar("Image", str, int)


class Table(NamedTuple, Generic[Image]):
    """Rows, and what they are together.

    Attributes:
      rows: sorted.
      images: what tells the image of each apart from others.
      objects: those in the images; images are numbered as these are sorted.
    """

    rows: list[Shown]
    images: list[Image]
    objects: Objects


def table_of(rows: Iterable[tuple[Shown, Image]]) -> Table[Image]:
    """The table of rows in any order, each with what tells its image apart from others."""
    ordered = sorted(rows, key=lambda row: (group_of(row[0].label, row[0].class_name), row[0].source_id))
    shown, images = [row for row, _ in ordered], [image for _, image in ordered]
    index = _index(shown, images)
    boxes = np.array([row.box for row in shown], np.float32).reshape(-1, 4)
    numbers = {name: place for place, name in enumerate(index.names)}
    labels = [numbers[row.class_name] if row.label == OF_A_CLASS else row.label for row in shown]
    places = np.unique(images, return_inverse=True)[1].astype(np.int64)
    return Table(shown, images, Objects(index, boxes, places, np.array(labels, np.int32)))


def _index(rows: Sequence[Shown], of: Sequence[Image]) -> ClassIndex:
    """The classes of rows that are sorted."""
    domains: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)
    images: dict[str, set[Image]] = defaultdict(set)
    for row, image in zip(rows, of, strict=True):
        if row.label == OF_A_CLASS:
            domains.setdefault(row.class_name, row.domain)
            counts[row.class_name] += 1
            images[row.class_name].add(image)
    index = ClassIndex.of((name, domains[name], counts[name]) for name in counts)
    return index._replace(distinct=np.array([len(images[name]) for name in counts], np.int64))
