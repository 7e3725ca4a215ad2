"""The rows of a store, as they are read: what is needed is read when it is, and of it no more is kept than a limit allows."""

import io
import os
import threading
import zlib
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from cachetools import LRUCache, cached

from components.fewshot.episodes.objects import Objects
from components.fewshot.images.parts import NO_CLASS, PLACE, Index, digest_of, part_file, part_of, shard_file
from components.fewshot.integrity import Damaged
from components.fewshot.pieces import Pieces, pieces_of

PARTS_KEPT = 256 * 2**20  # bytes of parts that a store keeps in memory: the places of some four million images
SHARDS_OPEN = 256  # at a time: a process may have 1,024 files open


class Places(NamedTuple):
    """The content of a part: of n images, by class name, then source id."""

    places: np.ndarray  # PLACE [n]
    names: bytes  # the source ids, one after another
    ends: np.ndarray  # int64 [n], of each in `names`
    boxes: np.ndarray  # float32 [n, 4]; [0, 4] where rows are whole images

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.places.nbytes + len(self.names) + self.ends.nbytes + self.boxes.nbytes


class Rows(Sequence[str]):
    """The images of a store by row: their contents, and as a sequence their source ids. What is needed is read when it is, and
    of what was read, no more is kept than a limit allows."""

    def __init__(self, directory: str, index: Index) -> None:
        counts = np.array([*index.classes.counts, *(count for _, count in index.beside)], np.int64)
        names = [*index.classes.names, *(NO_CLASS for _ in index.beside)]
        self._directory, self._starts = directory, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._part_of = np.array([part_of(name, len(index.parts)) for name in names], np.int64)
        order = np.argsort(self._part_of, kind="stable")
        before = np.cumsum(counts[order]) - counts[order]
        firsts = np.searchsorted(self._part_of[order], self._part_of[order])
        self._begin_at = np.zeros_like(order)  # in its part, of each class
        self._begin_at[order] = before - before[firsts]
        parts = LRUCache[int, Places](PARTS_KEPT, getsizeof=lambda part: part.size)
        lock = threading.Lock()  # held while looking, not while reading
        # Not methods: a store that nobody needs is to close its files at once.
        self._part = cached(parts, lock=lock)(partial(_read_part, directory, index.parts))
        self._shard = lru_cache(SHARDS_OPEN)(partial(_open_shard, directory))

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, row: int) -> str:  # type: ignore[override]  # no slices: nobody needs so many names
        part, at = self._place(row)
        start = part.ends[at - 1] if at else 0
        return part.names[start : part.ends[at]].decode()

    def placed(self) -> tuple[np.ndarray, np.ndarray]:
        """The boxes of all rows, float32 [N, 4] ([0, 4] where rows are whole images), and the places of their images, PLACE [N]:
        equal where the image is the same. It reads all parts."""
        boxes, places = [np.zeros((0, 4), np.float32)], [np.zeros(0, PLACE)]
        for number, (start, end) in enumerate(pairwise(self._starts)):
            part, at = self._part(int(self._part_of[number])), int(self._begin_at[number])
            boxes.append(part.boxes[at : at + int(end - start)])
            places.append(part.places[at : at + int(end - start)])
        return np.concatenate(boxes), np.concatenate(places)

    def read(self, row: int) -> bytes:
        """The content of an image.

        Raises:
          Damaged: it has another checksum, or its part has other bytes than were written.
        """
        part, at = self._place(row)
        shard, offset, length, checksum = part.places[at].item()
        image = self._shard(shard).piece(offset, length)
        if zlib.crc32(image) != checksum:
            name = os.path.basename(shard_file(self._directory, shard))
            raise Damaged(self._directory, f"{name} has other bytes than were written for {self[row]!r}")
        return image

    def _place(self, row: int) -> tuple[Places, int]:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1:,}, got {row}")
        its_class = int(self._starts.searchsorted(row, "right")) - 1
        at = int(row - self._starts[its_class] + self._begin_at[its_class])
        return self._part(int(self._part_of[its_class])), at


def objects_of(index: Index, rows: Rows) -> Objects:
    """The objects of a store whose rows these are."""
    boxes, places = rows.placed()
    images = np.unique(places[["shard", "offset"]], return_inverse=True)[1]
    classes = np.repeat(np.arange(len(index.classes.names), dtype=np.int32), index.classes.counts)
    others = [np.full(count, label, np.int32) for label, count in index.beside]
    return Objects(index.classes, boxes, images.astype(np.int64), np.concatenate([classes, *others]))


def _read_part(directory: str, digests: Sequence[str], number: int) -> Places:
    path = part_file(directory, number)
    with tf.io.gfile.GFile(path, "rb") as file:
        content = file.read()
    if digest_of(content) != digests[number]:
        raise Damaged(directory, f"{os.path.basename(path)} has other bytes than were written")
    stored = np.load(io.BytesIO(content))
    boxes = stored["boxes"] if "boxes" in stored else np.zeros((0, 4), np.float32)
    return Places(stored["places"], stored["names"].tobytes(), stored["ends"], boxes)


def _open_shard(directory: str, number: int) -> Pieces:
    return pieces_of(shard_file(directory, number))
