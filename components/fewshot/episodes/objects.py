"""Which objects are in which images of a split: the instance table that episodes of scenes are drawn from."""

from functools import cached_property

import numpy as np

from components.fewshot.episodes.episode import ClassIndex


class Objects:
    """The objects of a split by row: those of its classes by class, then those of none.

    Args:
      index: the classes, and which rows are objects of them.
      boxes: float32 [N, 4], in 0..1 of the image that is stored.
      images: int64 [N], the number of the image that each is in, 0 to I - 1.
      labels: int32 [N], the class of each (its place in `index`), or STRANGER, IGNORED or NOTHING (`episodes.scenes`).
    """

    def __init__(self, index: ClassIndex, boxes: np.ndarray, images: np.ndarray, labels: np.ndarray) -> None:
        self.index, self.boxes, self.images, self.labels = index, boxes, images, labels

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def most(self) -> int:
        """Objects in the image that has most; 1 if there is none."""
        return max(1, int(np.diff(self._by_image[1]).max(initial=1)))

    @property
    def one_of_each(self) -> np.ndarray:
        """A row of each image, int64 [I]."""
        order, starts = self._by_image
        return order[starts[:-1]]

    def beside(self, row: int) -> np.ndarray:
        """The rows of all objects in the image of a row, int64 [n], in the order of rows."""
        order, starts = self._by_image
        image = self.images[row]
        return order[starts[image] : starts[image + 1]]

    def shows(self, row: int, classes: np.ndarray) -> bool:
        """Whether an object of one of some classes (their places, [n]) is in the image of a row."""
        return bool(np.isin(self.labels[self.beside(row)], classes).any())

    @cached_property
    def _by_image(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.images, kind="stable")
        return order, np.searchsorted(self.images[order], np.arange(int(self.images.max(initial=-1)) + 2))
