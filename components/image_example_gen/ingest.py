"""Reads, checks and writes images, chunk by chunk, without artifacts or Beam.

A chunk is a run of neighbours in the sorted listing, or one TFRecord file. It becomes one file of examples per split and
one list of facts. Both depend on the chunk alone, so the number and order of workers change nothing in what is written.
"""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.images.gate import MAX_BYTES
from components.fewshot.images.seen import BATCH, Seen, see
from components.fewshot.images.seen import FLAGS as SEEN_FLAGS
from components.fewshot.parallel import batched
from components.image_example_gen.damage import is_damaged
from components.image_example_gen.facts import Fact
from data.annotations.placing import placed
from data.annotations.record_scenes import record_sides
from data.annotations.records import read_scene_records, to_scene_example
from data.annotations.scenes import read_annotation, side_of, written
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, domain_of, has_image_suffix
from data.sources.records import read_records, record_files, record_name, record_side, to_example
from data.sources.splits import SPLITS
from data.sources.tree import REMOTE_REQUESTS

# A chunk is the work of one worker at a time: large, so that starting it costs little; small, so that workers end together.
CHUNK_IMAGES = 2000
CHUNK_BYTES = 64 * 2**20
FLAGS = (*SEEN_FLAGS, "wrong_extension", "damaged")
SUFFIXES = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
}


class Chunk(NamedTuple):
    """Images of one split, or one TFRecord file (`records`); it is chunk `number` of `total`."""

    number: int
    total: int
    split: str
    files: tuple[ImageFile, ...] = ()
    records: str = ""
    sides: Mapping[str, Sequence[str]] = {}  # of records with boxes: the classes of each split


class _Read(NamedTuple):
    """One image as it was read: its bytes, or the reason why it could not be read."""

    split: str
    class_name: str
    domain: str
    source_id: str
    path: str
    name: str  # its suffix is compared with the content
    encoded: bytes
    reason: str = ""
    annotation: str = ""  # as of an `ImageFile`


class _Shown(NamedTuple):
    """An image as an example, or the reason why there is none; the classes of its objects, and which objects were set aside."""

    example: bytes
    reason: str = ""
    objects: tuple[str, ...] | None = None
    unfit: tuple[tuple[str, str], ...] = ()


def chunks_of(splits: Mapping[str, Sequence[ImageFile]]) -> list[Chunk]:
    """Cuts each split of a listing into chunks and returns them all."""
    cut = [(split, files) for split, listed in splits.items() for files in _cut(listed)]
    return [Chunk(number, len(cut), split, tuple(files)) for number, (split, files) in enumerate(cut)]


def record_chunks(settings: ImageSetSettings) -> list[Chunk]:
    """Returns one chunk for each TFRecord file."""
    files = [(split, file) for split, found in record_files(settings).items() for file in found]
    known = record_sides(settings).sides if settings.kind == "detection" else {}
    sides = {split: sorted(names) for split, names in known.items()}
    return [Chunk(number, len(files), split, records=file, sides=sides) for number, (split, file) in enumerate(files)]


def ingest(chunk: Chunk, settings: ImageSetSettings, directory: str) -> list[Fact]:
    """Writes the examples of a chunk below `directory`, as `Split-<split>/data_tfrecord-*.gz`; no file is ever incomplete.

    Returns:
      One fact per image, in the order of the chunk.
    """
    writers: dict[str, tf.io.TFRecordWriter] = {}
    facts = []
    name = f"data_tfrecord-{chunk.number:05d}-of-{chunk.total:05d}.gz"
    for image, example, fact in _judged(_read(chunk, settings), settings.max_pixels):
        facts.append(fact)
        if example:
            if image.split not in writers:
                path = posixpath.join(directory, f"Split-{image.split}", f"unfinished-{name}")
                writers[image.split] = tf.io.TFRecordWriter(path, "GZIP")
            writers[image.split].write(example)
    for split, writer in writers.items():
        writer.close()
        folder = posixpath.join(directory, f"Split-{split}")
        tf.io.gfile.rename(posixpath.join(folder, f"unfinished-{name}"), posixpath.join(folder, name), overwrite=True)
    return facts


def fill(directory: str) -> None:
    """Writes a file without examples for each split that has no file, because Beam reads no pattern that nothing matches."""
    for split in SPLITS:
        folder = posixpath.join(directory, f"Split-{split}")
        if not tf.io.gfile.glob(posixpath.join(folder, "*")):
            tf.io.TFRecordWriter(posixpath.join(folder, "data_tfrecord-00000-of-00000.gz"), "GZIP").close()


def facts_of(files: Sequence[ImageFile], max_pixels: int) -> list[Fact]:
    """Returns what `ingest` would find out about files; their split is "" here."""
    return [fact for _, _, fact in _judged(_read_files("", files), max_pixels)]


def _cut(files: Sequence[ImageFile]) -> Iterator[list[ImageFile]]:
    chunk: list[ImageFile] = []
    size = 0
    for file in files:
        if chunk and (len(chunk) == CHUNK_IMAGES or size + file.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def _read(chunk: Chunk, settings: ImageSetSettings) -> Iterator[_Read]:
    if chunk.sides:
        return _read_scene_records(chunk, settings)
    if chunk.records:
        return _read_records(chunk, settings)
    return _read_files(chunk.split, chunk.files)


def _read_files(split: str, files: Sequence[ImageFile]) -> Iterator[_Read]:
    for file, (encoded, reason) in zip(files, _contents(files), strict=True):
        domain = domain_of(file.class_name)
        names = file.class_name, domain, file.source_id, file.path, file.path
        yield _Read(split, *names, encoded, reason, file.annotation)


def _read_records(chunk: Chunk, settings: ImageSetSettings) -> Iterator[_Read]:
    for record in read_records(chunk.records, record_name(settings, chunk.split, chunk.records)):
        split = record_side(settings, chunk.split, record.class_name)
        path = f"{chunk.records}:{record.source_id}"
        name = record.source_id if has_image_suffix(record.source_id) else ""  # the source id may be any text
        yield _Read(split, record.class_name, record.domain, record.source_id, path, name, record.encoded)


def _read_scene_records(chunk: Chunk, settings: ImageSetSettings) -> Iterator[_Read]:
    sides = {split: set(names) for split, names in chunk.sides.items()}
    for record in read_scene_records(chunk.records, record_name(settings, chunk.split, chunk.records)):
        split = side_of(chunk.split, record.told, sides)
        path = f"{chunk.records}:{record.source_id}"
        annotation = written(record.told, sides[split])
        yield _Read(split, "", "", record.source_id, path, "", record.encoded, record.told.reason, annotation)


def _contents(files: Sequence[ImageFile]) -> Iterator[tuple[bytes, str]]:
    """Yields the bytes of each file, or the reason why it cannot be read; many remote files are read at the same time."""
    if not any("://" in file.path for file in files):
        yield from map(_content, files)
        return
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        yield from pool.map(_content, files)


def _content(file: ImageFile) -> tuple[bytes, str]:
    if file.reason:
        return b"", file.reason
    if file.size > MAX_BYTES:
        return b"", f"the file has {file.size:,} bytes; at most {MAX_BYTES:,} are allowed"
    try:
        if "://" not in file.path:
            with open(file.path, "rb") as opened:  # small files take a quarter of the time that tf.io.gfile needs
                return opened.read(), ""
        with tf.io.gfile.GFile(file.path, "rb") as opened:
            return bytes(opened.read()), ""
    except (OSError, tf.errors.OpError) as error:
        return b"", f"cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})"


def _judged(images: Iterable[_Read], max_pixels: int) -> Iterator[tuple[_Read, bytes, Fact]]:
    """Yields each image with its example (b"" if it is set aside) and the fact about it, in the same order."""
    for some in batched(images, BATCH):
        opened = [image for image in some if not image.reason]
        encoded = [image.encoded for image in opened]
        found = iter(see(encoded, partial(_judge_one, opened), max_pixels))
        yield from ((image, *(_judge(image, Seen(image.reason)) if image.reason else next(found))) for image in some)


def _judge_one(images: Sequence[_Read], number: int, seen: Seen) -> tuple[bytes, Fact]:
    return _judge(images[number], seen)


def _judge(image: _Read, seen: Seen) -> tuple[bytes, Fact]:
    fact = Fact(image.split, image.class_name, image.source_id, image.path, seen.reason, image.domain)
    if seen.reason:
        return b"", fact
    height, width, _ = seen.pixels.shape
    shown = _shown(image, seen)
    if shown.reason:
        return b"", fact._replace(reason=shown.reason)
    told = fact._replace(format=seen.format, height=height, width=width, orientation=seen.orientation)
    flags = (*seen.flags, *_further_flags(image, seen.format))
    told = told._replace(flags=flags, digest=pixel_digest(seen.pixels), objects=shown.objects, unfit=shown.unfit)
    return shown.example, told


def _shown(image: _Read, seen: Seen) -> _Shown:
    """What an image shows: its class, or the objects that its annotation says."""
    if not image.annotation:
        names = image.class_name, image.domain, image.source_id
        return _Shown(to_example(image.encoded, seen.format, seen.pixels.shape, *names))
    said = read_annotation(image.annotation)
    found = placed(said.told, *seen.stored, seen.orientation)
    example = to_scene_example(
        image.encoded, seen.format, seen.pixels.shape, found.boxes, image.source_id, said.strangers
    )
    own = {box.class_name for box in found.boxes if not box.ignored} - said.strangers
    unfit = [(one.path, f"{one.which} {one.reason}") for one in (*said.told.unfit, *found.unfit)]
    return _Shown(example, found.reason, tuple(sorted(own)), tuple(unfit))


def _further_flags(image: _Read, kind: str) -> Iterator[str]:
    """Yields what only ingest can tell: the served model has neither a name nor a strict decoder."""
    if posixpath.splitext(image.name)[1].lower() not in ("", *SUFFIXES[kind]):
        yield "wrong_extension"
    if kind == "JPEG" and is_damaged(image.encoded):
        yield "damaged"


def pixel_digest(pixels: np.ndarray) -> str:
    """Returns 32 hex digits that identify what uint8 [H, W, 1 or 3] shows.

    They are equal for two copies of an image in different encodings, and for a grey image that is stored in colour.
    """
    if pixels.shape[-1] == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    return hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).hexdigest()
