"""A store of objects in images that are arrays in memory."""

import copy
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.object_rows import Object, object_rows
from components.fewshot.images.object_table import table_of
from components.fewshot.images.store import turned


class ObjectArrays:
    """A store over `images` [N, H, W, C] and the objects in each; a row of it is an object, as in a store on disk.

    Raises:
      ValueError: there are not as many sequences of objects as images.
    """

    def __init__(self, images: np.ndarray, objects: Sequence[Iterable[Object]]) -> None:
        if len(images) != len(objects):
            raise ValueError(
                f"expected the objects of each image, got {len(images)} images and those of {len(objects)}"
            )
        self._images = np.asarray(images)
        every = ((row, number) for number, own in enumerate(objects) for row in object_rows(str(number), own))
        self.objects = table_of(every).objects
        self.index = self.objects.index

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "ObjectArrays":
        """The store of what `change` makes of all images; no place in them may change."""
        other = copy.copy(self)
        other._images = change(self._images)
        return other

    def pixels(self, draw: Draw) -> np.ndarray:
        """The images that the rows of `draw` are in, [n, H, W, C], in the dtype of the arrays."""
        return turned(self._images[self.objects.images[draw.rows]], draw.turns)
