"""What an image store is on disk. No process needs to know all of its images, neither to write it nor to read it.

- `shard-*.bin`: images one after another, in any order.
- `part-*.npz`: where the images of some classes lie, and their source ids, by class name, then source id. A hash of its name
  decides in which part a class is, so a worker writes a part knowing of no other.
- `index.json`, written last: the classes with their numbers of images, and the digests of the parts.

Rows are numbered by class name, then source id. Only these decide, so episodes do not depend on how many shards and parts there
are, nor on which workers wrote them. What grows: `index.json` and its reader with classes; a part and its writer with
PART_IMAGES or with the largest class.

An image with boxes has a row for each of its objects, and all of them name the same place in a shard. Objects of no class, and an
image with nothing in it, have rows too: they are numbered after all others, by their label (`episodes.scenes`).
"""

import hashlib
import io
import json
import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.parallel import batched

Shape = tuple[int, ...]

INDEX = "index.json"
PART_IMAGES = 20_000  # of a part, on the average
TOGETHER = 1000  # entries that are dealt to parts at a time
PARTS_KEPT = 256 * 2**20  # bytes of parts that a store keeps in memory: the places of some four million images
SHARDS_OPEN = 256  # at a time: a process may have 1,024 files open

OF_A_CLASS = 0  # label of a row that belongs to a class; others are below 0
NO_CLASS = ""  # name of the class of the other rows

PLACE = np.dtype([("shard", "<i4"), ("offset", "<i8"), ("length", "<i8"), ("checksum", "<u4")])


Group = tuple[bool, int, str]


def group_of(label: int, class_name: str) -> Group:
    """By which rows are sorted: those of classes by name, then the others by label."""
    return label != OF_A_CLASS, -label, class_name


Box = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax, in 0..1 of the image that is stored


class Shown(NamedTuple):
    """What becomes a row: an image, or one of the objects in it."""

    class_name: str
    domain: str
    source_id: str  # of the row: no two of a class and label share it
    box: Box | None = None
    label: int = OF_A_CLASS


class Entry(NamedTuple):
    """The place of one row in the shards."""

    class_name: str
    domain: str
    source_id: str
    shard: int  # its number
    offset: int  # bytes
    length: int  # bytes
    digest: str  # of the content, and of the box
    checksum: int  # of the content: its CRC-32, which takes no time when it is read
    box: Box | None = None
    label: int = OF_A_CLASS
    first: bool = True  # of its image

    @property
    def group(self) -> Group:
        """By which rows are sorted before their source ids."""
        return group_of(self.label, self.class_name)


class StoredClass(NamedTuple):
    """A class of a store, or the objects of one label that are of none."""

    name: str
    domain: str
    rows: int
    digest: str  # of its source ids and contents
    label: int = OF_A_CLASS
    images: int = 0  # in which its rows are

    @property
    def group(self) -> Group:
        """By which classes are sorted."""
        return group_of(self.label, self.name)


class Part(NamedTuple):
    """A part that was written."""

    number: int
    digest: str  # of the file
    classes: list[StoredClass]  # by group
    images: int  # whose first row it holds
    of_objects: bool


class Index(NamedTuple):
    """The content of `index.json`. The fingerprint is of classes, source ids and contents; shards and parts do not matter."""

    classes: ClassIndex
    beside: list[tuple[int, int]]  # label and number of the rows that are of no class, which come after all others
    images: int
    parts: list[str]  # the digest of each; "" where there is none
    fingerprint: str
    shape: Shape | None  # None for encoded images
    dtype: str
    views: int
    of_objects: bool  # whether a row is an object in an image, and not a whole one


def parts_for(images: int) -> int:
    """How many parts a store of so many images has."""
    return -(-images // PART_IMAGES) or 1


def part_of(class_name: str, parts: int) -> int:
    """The number of the part, of so many, that holds a class."""
    return zlib.crc32(class_name.encode()) % parts


def write_shard(directory: str, number: int, images: Iterable[tuple[str, str, str, bytes]]) -> Iterator[Entry]:
    """Streams (class name, domain, source id, image) to one shard file; yields the place of each image."""
    return write_scenes(
        directory, number, (([Shown(name, domain, source)], image) for name, domain, source, image in images)
    )


def write_scenes(directory: str, number: int, images: Iterable[tuple[Sequence[Shown], bytes]]) -> Iterator[Entry]:
    """Streams images to one shard file; yields the place of each of the rows that an image has, of which it has at least one."""
    offset = 0
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(shard_file(directory, number), "wb") as file:
        for rows, image in images:
            file.write(image)
            digest, place = digest_of(image), (number, offset, len(image))
            for at, row in enumerate(rows):
                own = (
                    digest if row.box is None else digest_of(digest.encode() + np.array(row.box, np.float32).tobytes())
                )
                names = row.class_name, row.domain, row.source_id
                yield Entry(*names, *place, own, zlib.crc32(image), row.box, row.label, not at)
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
    rows = sorted(entries, key=lambda entry: (entry.group, entry.source_id))
    for before, after in pairwise(rows):
        if (before.group, before.source_id) == (after.group, after.source_id):
            raise ValueError(f"two images of class {after.class_name!r} have the source id {after.source_id!r}")
    names = [row.source_id.encode() for row in rows]
    boxes = [row.box for row in rows if row.box is not None]
    content = io.BytesIO()
    arrays = {
        "places": np.array([(row.shard, row.offset, row.length, row.checksum) for row in rows], PLACE),
        "names": np.frombuffer(b"".join(names), np.uint8),
        "ends": np.cumsum([len(name) for name in names], dtype=np.int64),
    }
    if boxes:
        arrays["boxes"] = np.array(boxes, np.float32)
    np.savez(content, allow_pickle=False, **arrays)
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(part_file(directory, number), "wb") as file:
        file.write(content.getvalue())
    groups = [list(group) for _, group in groupby(rows, lambda row: row.group)]
    images = sum(row.first for row in rows)
    return Part(number, digest_of(content.getvalue()), [_stored_class(group) for group in groups], images, bool(boxes))


def write_index(
    directory: str, parts: Iterable[Part], number: int, shape: Shape | None, dtype: str = "uint8", views: int = 1
) -> None:
    """Finishes a store of `number` parts: writes `index.json`. Parts that no class belongs to need not be there."""
    written = {part.number: part for part in parts}
    classes = sorted((one for part in written.values() for one in part.classes), key=lambda one: one.group)
    content = json.dumps([shape, [one.digest for one in classes]])
    description: dict[str, object] = {"shape": shape, "dtype": dtype, "views": views}
    description["fingerprint"] = digest_of(content.encode())
    description["parts"] = [written[i].digest if i in written else "" for i in range(number)]
    description["images"] = sum(part.images for part in written.values())
    description["of_objects"] = any(part.of_objects for part in written.values())
    description["classes"] = [_described(one) for one in classes]
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
    named = [one for one in read["classes"] if "label" not in one]
    classes = ClassIndex.of((one["name"], one["domain"], one["count"]) for one in named)
    if read["of_objects"]:
        classes = classes._replace(distinct=np.array([one.get("images", one["count"]) for one in named], np.int64))
    beside = [(one["label"], one["count"]) for one in read["classes"][len(named) :]]
    shape = tuple(read["shape"]) if read["shape"] else None
    form = read["fingerprint"], shape, read["dtype"], read["views"]
    return Index(classes, beside, read["images"], read["parts"], *form, read["of_objects"])


def _stored_class(rows: Sequence[Entry]) -> StoredClass:
    first = rows[0]
    content = json.dumps([first.class_name, [(row.source_id, row.digest) for row in rows]])
    images = len({(row.shard, row.offset) for row in rows})
    return StoredClass(first.class_name, first.domain, len(rows), digest_of(content.encode()), first.label, images)


def _described(one: StoredClass) -> dict[str, object]:
    told: dict[str, object] = {"name": one.name, "domain": one.domain, "count": one.rows}
    told |= {"images": one.images} if one.images != one.rows else {}
    return told | ({"label": one.label} if one.label != OF_A_CLASS else {})


def shard_file(directory: str, number: int) -> str:
    """The path of a shard."""
    return os.path.join(directory, f"shard-{number:05}.bin")


def part_file(directory: str, number: int) -> str:
    """The path of a part."""
    return os.path.join(directory, f"part-{number:05}.npz")


def digest_of(content: bytes) -> str:
    """16 hex digits of some bytes."""
    return hashlib.sha256(content).hexdigest()[:16]
