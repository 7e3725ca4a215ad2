"""What an image store is on disk. No process needs to know all of its images, neither to write it nor to read it.

- `shard-*.bin`: images one after another, in any order.
- `part-*.npz`: where the images of some classes lie, and their source ids, by class name, then source id. A hash of its name
  decides in which part a class is, so a worker writes a part knowing of no other.
- `index.json`, written last: the classes with their numbers of images, and the digests of the parts.

Rows are numbered by class name, then source id. Only these decide, so episodes do not depend on how many shards and parts there
are, nor on which workers wrote them. What grows: `index.json` and its reader with classes; a part and its writer with
PART_IMAGES or with the largest class.
"""

import hashlib
import io
import json
import os
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from cachetools import LRUCache, cached

from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.integrity import Damaged
from components.fewshot.parallel import batched
from components.fewshot.pieces import Pieces, pieces_of

Shape = tuple[int, ...]

INDEX = "index.json"
PART_IMAGES = 20_000  # of a part, on the average
TOGETHER = 1000  # entries that are dealt to parts at a time
PARTS_KEPT = 256 * 2**20  # bytes of parts that a store keeps in memory: the places of some four million images
SHARDS_OPEN = 256  # at a time: a process may have 1,024 files open

PLACE = np.dtype([("shard", "<i4"), ("offset", "<i8"), ("length", "<i8"), ("checksum", "<u4")])


class Entry(NamedTuple):
    """The place of one image in the shards."""

    class_name: str
    domain: str
    source_id: str
    shard: int  # its number
    offset: int  # bytes
    length: int  # bytes
    digest: str  # of the content
    checksum: int  # of the content: its CRC-32, which takes no time when it is read


class StoredClass(NamedTuple):
    """A class of a store."""

    name: str
    domain: str
    images: int
    digest: str  # of its source ids and contents


class Part(NamedTuple):
    """A part that was written."""

    number: int
    digest: str  # of the file
    classes: list[StoredClass]  # by name


class Index(NamedTuple):
    """The content of `index.json`. The fingerprint is of classes, source ids and contents; shards and parts do not matter."""

    classes: ClassIndex
    parts: list[str]  # the digest of each; "" where there is none
    fingerprint: str
    shape: Shape | None  # None for encoded images
    dtype: str
    views: int


def parts_for(images: int) -> int:
    """How many parts a store of so many images has."""
    return -(-images // PART_IMAGES) or 1


def part_of(class_name: str, parts: int) -> int:
    """The number of the part, of so many, that holds a class."""
    return zlib.crc32(class_name.encode()) % parts


def write_shard(directory: str, number: int, images: Iterable[tuple[str, str, str, bytes]]) -> Iterator[Entry]:
    """Streams (class name, domain, source id, image) to one shard file; yields the place of each image."""
    offset = 0
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(_shard_file(directory, number), "wb") as file:
        for class_name, domain, source_id, image in images:
            file.write(image)
            yield Entry(class_name, domain, source_id, number, offset, len(image), _digest(image), zlib.crc32(image))
            offset += len(image)


def by_part(entries: Iterable[Entry], parts: int) -> Iterator[tuple[int, list[Entry]]]:
    """Deals entries to the parts that they belong to; yields (number of a part, some of its entries), a part many times."""
    for some in batched(entries, TOGETHER):
        dealt: dict[int, list[Entry]] = defaultdict(list)
        for entry in some:
            dealt[part_of(entry.class_name, parts)].append(entry)
        yield from dealt.items()


def write_part(directory: str, number: int, entries: Iterable[Entry]) -> Part:
    """Writes one part from all its entries, in any order.

    A class is all entries of one name, with the domain of the first: they name one domain, or ingest would have refused them.

    Raises:
      ValueError: two images of a class share a source id.
    """
    rows = sorted(entries, key=lambda entry: (entry.class_name, entry.source_id))
    for before, after in pairwise(rows):
        if (before.class_name, before.source_id) == (after.class_name, after.source_id):
            raise ValueError(f"two images of class {after.class_name!r} have the source id {after.source_id!r}")
    names = [row.source_id.encode() for row in rows]
    content = io.BytesIO()
    np.savez(
        content,
        places=np.array([(row.shard, row.offset, row.length, row.checksum) for row in rows], PLACE),
        names=np.frombuffer(b"".join(names), np.uint8),
        ends=np.cumsum([len(name) for name in names], dtype=np.int64),
    )
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(_part_file(directory, number), "wb") as file:
        file.write(content.getvalue())
    groups = [list(group) for _, group in groupby(rows, lambda row: row.class_name)]
    return Part(number, _digest(content.getvalue()), [_stored_class(group) for group in groups])


def write_index(
    directory: str, parts: Iterable[Part], number: int, shape: Shape | None, dtype: str = "uint8", views: int = 1
) -> None:
    """Finishes a store of `number` parts: writes `index.json`. Parts that no class belongs to need not be there."""
    written = {part.number: part for part in parts}
    classes = sorted(one for part in written.values() for one in part.classes)
    content = json.dumps([shape, [one.digest for one in classes]])
    description: dict[str, object] = {"shape": shape, "dtype": dtype, "views": views}
    description["fingerprint"] = _digest(content.encode())
    description["parts"] = [written[i].digest if i in written else "" for i in range(number)]
    description["classes"] = [{"name": one.name, "domain": one.domain, "count": one.images} for one in classes]
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, INDEX), "w") as file:
        json.dump(description, file, ensure_ascii=False)


def read_index(directory: str) -> Index:
    """What `write_index` wrote.

    Raises:
      FileNotFoundError: there is no store.
    """
    path = os.path.join(directory, INDEX)
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(f"no image store at {directory}: expected {path}")
    with tf.io.gfile.GFile(path) as file:
        read = json.load(file)
    classes = ClassIndex.of((one["name"], one["domain"], one["count"]) for one in read["classes"])
    shape = tuple(read["shape"]) if read["shape"] else None
    return Index(classes, read["parts"], read["fingerprint"], shape, read["dtype"], read["views"])


class Places(NamedTuple):
    """The content of a part: of n images, by class name, then source id."""

    places: np.ndarray  # PLACE [n]
    names: bytes  # the source ids, one after another
    ends: np.ndarray  # int64 [n], of each in `names`

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.places.nbytes + len(self.names) + self.ends.nbytes


class Rows(Sequence[str]):
    """The images of a store by row: their contents, and as a sequence their source ids. What is needed is read when it is, and
    of what was read, no more is kept than a limit allows."""

    def __init__(self, directory: str, index: Index) -> None:
        self._directory, self._starts = directory, index.classes.starts
        self._part_of = np.array([part_of(name, len(index.parts)) for name in index.classes.names], np.int64)
        order, counts = np.argsort(self._part_of, kind="stable"), index.classes.counts
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

    def read(self, row: int) -> bytes:
        """The content of an image.

        Raises:
          Damaged: it has another checksum, or its part has other bytes than were written.
        """
        part, at = self._place(row)
        shard, offset, length, checksum = part.places[at].item()
        image = self._shard(shard).piece(offset, length)
        if zlib.crc32(image) != checksum:
            name = os.path.basename(_shard_file(self._directory, shard))
            raise Damaged(self._directory, f"{name} has other bytes than were written for {self[row]!r}")
        return image

    def _place(self, row: int) -> tuple[Places, int]:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1:,}, got {row}")
        its_class = int(self._starts.searchsorted(row, "right")) - 1
        at = int(row - self._starts[its_class] + self._begin_at[its_class])
        return self._part(int(self._part_of[its_class])), at


def _read_part(directory: str, digests: Sequence[str], number: int) -> Places:
    path = _part_file(directory, number)
    with tf.io.gfile.GFile(path, "rb") as file:
        content = file.read()
    if _digest(content) != digests[number]:
        raise Damaged(directory, f"{os.path.basename(path)} has other bytes than were written")
    stored = np.load(io.BytesIO(content))
    return Places(stored["places"], stored["names"].tobytes(), stored["ends"])


def _open_shard(directory: str, number: int) -> Pieces:
    return pieces_of(_shard_file(directory, number))


def _stored_class(rows: Sequence[Entry]) -> StoredClass:
    first = rows[0]
    content = json.dumps([first.class_name, [(row.source_id, row.digest) for row in rows]])
    return StoredClass(first.class_name, first.domain, len(rows), _digest(content.encode()))


def _shard_file(directory: str, number: int) -> str:
    return os.path.join(directory, f"shard-{number:05}.bin")


def _part_file(directory: str, number: int) -> str:
    return os.path.join(directory, f"part-{number:05}.npz")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
