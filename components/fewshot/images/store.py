"""Image store with a class index: returns any image of any class by its row. Memory does not grow with the set.

What a frozen trunk made of images is stored in the same way: to a learner behind it, these are its images.

On disk: `shard-*.bin` (images one after another, in any order), `layout.npy` (int64 [N, 4]: shard, offset, length, CRC-32)
and `index.json` (classes and source ids in the order of rows: by class name, then source id; the digest of `layout.npy`).
Only the index holds an order, so the episodes do not depend on how, or by how many workers, the shards were written.
"""

import copy
import hashlib
import io
import json
import os
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf
from cachetools import LRUCache

from components.fewshot.episodes.episode import ClassIndex, Draw
from components.fewshot.images.gate import ANY_SIZE
from components.fewshot.images.seen import Seen, see
from components.fewshot.integrity import Damaged
from components.fewshot.pieces import pieces_of

Shape = tuple[int, ...]

TURNED_BYTES = 256 * 2**20  # of re-encoded turned images kept in memory


class PixelStore(Protocol):
    """The part of a store that training uses."""

    index: ClassIndex

    def pixels(self, draw: Draw) -> np.ndarray:
        """The images of `draw`, [n, H, W, C], turned by its quarter turns."""


class Entry(NamedTuple):
    """The place of one image in the shards."""

    class_name: str
    domain: str
    source_id: str
    shard: str
    offset: int  # bytes
    length: int  # bytes
    digest: str  # of the content
    checksum: int  # of the content: its CRC-32, which takes no time when it is read


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
    ) -> None:
        self.index, self.source_ids, self.read, self.shape = index, source_ids, read, shape
        self.dtype, self.views, self.any_view = dtype, views, any_view
        self.fingerprint = fingerprint  # of classes, source ids and contents; the shards do not matter
        self._turned_images: LRUCache[tuple[int, int], bytes] = LRUCache(TURNED_BYTES, getsizeof=len)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: str, any_view: bool = False) -> "ImageStore":
        """Opens the store that `write_index` finished. An image with another checksum raises `Damaged` when it is read.

        Args:
          any_view: of images that are stored in several views, `pixels` gives any one; otherwise the first.

        Raises:
          FileNotFoundError: there is no store.
          Damaged: the layout has other bytes than were written.
        """
        path = os.path.join(directory, "index.json")
        if not tf.io.gfile.exists(path):
            raise FileNotFoundError(f"no image store at {directory}: expected {path}")
        with tf.io.gfile.GFile(path) as file:
            description = json.load(file)
        with tf.io.gfile.GFile(os.path.join(directory, "layout.npy"), "rb") as file:
            stored = file.read()
        if _digest(stored) != description["layout"]:
            raise Damaged(directory, "layout.npy has other bytes than were written")
        layout = np.load(io.BytesIO(stored))
        shards = [pieces_of(os.path.join(directory, shard)) for shard in description["shards"]]

        def read(row: int) -> bytes:
            shard, offset, length, checksum = layout[row]
            image = shards[shard].piece(offset, length)
            if zlib.crc32(image) != checksum:
                source = description["source_ids"][row]
                raise Damaged(
                    directory, f"{description['shards'][shard]} has other bytes than were written for {source!r}"
                )
            return image

        classes = description["classes"]
        index = ClassIndex.of((c["name"], c["domain"], c["count"]) for c in classes)
        shape = tuple(description["shape"]) if description["shape"] else None
        form = {key: description[key] for key in ("dtype", "views") if key in description}
        return cls(index, description["source_ids"], read, shape, description["fingerprint"], any_view=any_view, **form)

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


def write_shard(directory: str, shard: str, images: Iterable[tuple[str, str, str, bytes]]) -> Iterator[Entry]:
    """Streams (class name, domain, source id, image) to one shard file; yields the place of each image."""
    offset = 0
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, shard), "wb") as file:
        for class_name, domain, source_id, image in images:
            file.write(image)
            yield Entry(class_name, domain, source_id, shard, offset, len(image), _digest(image), zlib.crc32(image))
            offset += len(image)


def write_index(
    directory: str, entries: Iterable[Entry], shape: Shape | None, dtype: str = "uint8", views: int = 1
) -> None:
    """Finishes a store: sorts the entries into rows and writes `layout.npy` and `index.json`.

    A class is all entries of one name, with the domain of the first: they name one domain, or ingest would have refused them.

    Memory: about 300 bytes for each image; no image is loaded.

    Raises:
      ValueError: two images of a class share a source id.
    """
    rows = sorted(entries, key=lambda entry: (entry.class_name, entry.source_id))
    for before, after in pairwise(rows):
        if (before.class_name, before.source_id) == (after.class_name, after.source_id):
            raise ValueError(f"two images of class {after.class_name!r} have the source id {after.source_id!r}")
    shards = sorted({row.shard for row in rows})
    number = {shard: i for i, shard in enumerate(shards)}
    layout = io.BytesIO()
    places = [(number[row.shard], row.offset, row.length, row.checksum) for row in rows]
    np.save(layout, np.array(places, np.int64).reshape(-1, 4))
    groups = (list(group) for _, group in groupby(rows, lambda row: row.class_name))
    classes = [{"name": group[0].class_name, "domain": group[0].domain, "count": len(group)} for group in groups]
    description: dict[str, object] = {"shape": shape, "shards": shards, "classes": classes}
    description |= {"dtype": dtype, "views": views} if dtype != "uint8" else {}  # as ever, for pixels and files
    description["source_ids"] = [row.source_id for row in rows]
    content = json.dumps([shape, [(row.class_name, row.source_id, row.digest) for row in rows]])
    description["fingerprint"] = _digest(content.encode())
    description["layout"] = _digest(layout.getvalue())
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, "layout.npy"), "wb") as file:
        file.write(layout.getvalue())
    with tf.io.gfile.GFile(os.path.join(directory, "index.json"), "w") as file:
        json.dump(description, file, ensure_ascii=False)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _png(pixels: np.ndarray) -> bytes:
    # Not compressed, which would take most of the time that an evaluation spends on the image.
    return tf.io.encode_png(np.ascontiguousarray(pixels), compression=0).numpy()
