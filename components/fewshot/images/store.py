"""Image store with a class index: returns any image of any class by its row. Memory does not grow with the set.

What a frozen trunk made of images is stored in the same way: to a learner behind it, these are its images.
"""

import copy
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Protocol

import numpy as np
import tensorflow as tf
from cachetools import LRUCache

from components.fewshot.episodes.episode import ClassIndex, Draw
from components.fewshot.episodes.objects import Objects
from components.fewshot.images.gate import ANY_SIZE
from components.fewshot.images.parts import Shape, read_index
from components.fewshot.images.rows import Rows, objects_of
from components.fewshot.images.seen import Seen, see

TURNED_BYTES = 256 * 2**20  # of re-encoded turned images kept in memory


class PixelStore(Protocol):
    """The part of a store that training uses."""

    index: ClassIndex

    @property
    def objects(self) -> Objects | None:
        """The objects in the images, if the rows of the store are these."""

    def pixels(self, draw: Draw) -> np.ndarray:
        """The images of `draw`, [n, H, W, C], turned by its quarter turns."""


def objects_in(store: PixelStore) -> Objects:
    """The objects in the images of a store.

    Raises:
      ValueError: its images have no boxes.
    """
    if store.objects is None:
        raise ValueError("expected a store of images with boxes, got one of images that have a class as a whole")
    return store.objects


class ImageStore:
    """Images of one split: pixels (uint8, `shape` [H, W, C]), encoded files (`shape` None), or what a trunk made of images:
    `views` of each, of `dtype` and of any `shape`."""

    def __init__(
        self,
        index: ClassIndex,
        source_ids: Sequence[str],
        read: Callable[[int], bytes],
        shape: Shape | None,
        fingerprint: str = "",
        dtype: str = "uint8",
        views: int = 1,
        any_view: bool = False,
        objects: Callable[[], Objects | None] = lambda: None,
    ) -> None:
        self.index, self.source_ids, self.read, self.shape = index, source_ids, read, shape
        self.dtype, self.views, self.any_view = dtype, views, any_view
        self.fingerprint = fingerprint  # of classes, source ids and contents; the shards do not matter
        self.images = len(source_ids)  # how many there are: fewer than rows, where these are objects
        self._objects = objects
        self._turned_images: LRUCache[tuple[int, int], bytes] = LRUCache(TURNED_BYTES, getsizeof=len)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: str, any_view: bool = False) -> "ImageStore":
        """Opens the store that `write_index` finished. An image with another checksum raises `Damaged` when it is read, and so
        does a part of the index.

        Args:
          any_view: of images that are stored in several views, `pixels` gives any one; otherwise the first.

        Raises:
          FileNotFoundError: there is no store.
        """
        index = read_index(directory)
        rows = Rows(directory, index)
        form = index.shape, index.fingerprint, index.dtype, index.views
        objects = cache(partial(objects_of, index, rows)) if index.of_objects else lambda: None
        store = cls(index.classes, rows, rows.read, *form, any_view, objects)
        store.images = index.images
        return store

    @classmethod
    def from_files(cls, files: Mapping[str, Sequence[tuple[str, str]]]) -> "ImageStore":
        """A store that reads image files directly. `files` maps a class name to its (source id, path) pairs, in any order."""
        images = {name: sorted(files[name]) for name in sorted(files)}
        paths = [path for name in images for _, path in images[name]]

        def read(row: int) -> bytes:
            with tf.io.gfile.GFile(paths[row], "rb") as file:
                return file.read()

        index = ClassIndex.of((name, name.split("/")[0], len(images[name])) for name in images)
        return cls(index, [source for name in images for source, _ in images[name]], read, None)

    @property
    def objects(self) -> Objects | None:
        """The objects in the images, if the rows of the store are these; read at the first use."""
        return self._objects()

    def pixels(self, draw: Draw) -> np.ndarray:
        """The images of `draw` as uint8 [n, H, W, C], or [n, *shape] of the store's dtype; the same draw gives the same views.

        Raises:
          ValueError: the store holds encoded images.
        """
        if self.shape is None:
            raise ValueError("this image store holds encoded images, not pixels")
        form = (self.views, *self.shape)
        chosen = np.zeros(len(draw.rows), np.int64)
        if self.any_view:
            chosen = np.random.default_rng(zlib.crc32(draw.rows.tobytes())).integers(self.views, size=len(draw.rows))
        drawn = zip(draw.rows, chosen, strict=True)
        flat = [np.frombuffer(self.read(row), self.dtype).reshape(form)[view] for row, view in drawn]
        return turned(flat, draw.turns)

    def encoded(self, draw: Draw) -> list[bytes]:
        """The images of `draw` as encoded files: the original bytes, or, where turned, a PNG of the turned image."""
        places = list(zip(draw.rows.tolist(), draw.turns.tolist(), strict=True))
        turned = self._turned(dict.fromkeys(place for place in places if place[1]))
        return [turned[row, turn] if turn else self.read(row) for row, turn in places]

    def _turned(self, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """The images at places (row, quarter turns) as PNGs. Each row is looked at once, whatever its turns."""
        with self._lock:
            found = {place: image for place in places if (image := self._turned_images.get(place)) is not None}
        turns: dict[int, list[int]] = defaultdict(list)
        for row, turn in (place for place in places if place not in found):
            turns[row].append(turn)
        rows = list(turns)

        def turn_seen(number: int, seen: Seen) -> list[tuple[tuple[int, int], bytes]]:
            row = rows[number]
            return [((row, turn), _png(np.rot90(seen.pixels, turn))) for turn in turns[row]]

        made = dict(one for some in see([self.read(row) for row in rows], turn_seen, ANY_SIZE) for one in some)
        with self._lock:
            self._turned_images.update(made)
        return found | made


class ArrayStore:
    """A store over arrays in memory: `images` [N, H, W, C], or their feature vectors [N, D], and `labels` [N] of any hashable,
    sortable kind."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        if len(images) != len(labels):
            raise ValueError(f"expected as many labels as images, got {len(images)} images and {len(labels)} labels")
        if np.ndim(images) not in (2, 4):
            raise ValueError(f"expected images [N, H, W, C] or feature vectors [N, D], got {np.shape(images)}")
        order = np.argsort(labels, kind="stable")
        self._images = np.asarray(images)[order]
        names, counts = np.unique(np.asarray(labels), return_counts=True)
        self.index = ClassIndex.of((str(name), "", int(count)) for name, count in zip(names, counts, strict=True))
        self.objects = None

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "ArrayStore":
        """The store of what `change` makes of all images."""
        other = copy.copy(self)
        other._images = change(self._images)
        return other

    def pixels(self, draw: Draw) -> np.ndarray:
        """The images of `draw`, [n, H, W, C], in the dtype of the arrays."""
        return turned(self._images[draw.rows], draw.turns)


def turned(images: Iterable[np.ndarray], turns: np.ndarray) -> np.ndarray:
    """Each of `images` ([H, W, C]) turned by its number of counter-clockwise quarter turns, stacked."""
    return np.stack([np.rot90(image, turn) if turn else image for image, turn in zip(images, turns, strict=True)])


def _png(pixels: np.ndarray) -> bytes:
    # Not compressed, which would take most of the time that an evaluation spends on the image.
    return tf.io.encode_png(np.ascontiguousarray(pixels), compression=0).numpy()
