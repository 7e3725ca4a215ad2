"""Reads, checks and writes images, chunk by chunk, without artifacts or Beam.

A chunk is a run of neighbours in the sorted listing, or one TFRecord file. It becomes one file of examples per split and
one list of facts. Both depend on the chunk alone, so the number and order of workers change nothing in what is written.
"""

import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.image_example_gen.facts import Fact
from data.settings import ImageSetSettings
from data.sources.folders import REMOTE_REQUESTS, ImageFile, domain_of, has_image_suffix
from data.sources.images import MAX_BYTES, BadImage, inspect
from data.sources.records import read_records, record_files, record_side, to_example

# A chunk is the work of one worker at a time: large, so that starting it costs little; small, so that workers end together.
CHUNK_IMAGES = 2000
CHUNK_BYTES = 64 * 2**20


class Chunk(NamedTuple):
    """Images of one split, or one TFRecord file (`records`); it is chunk `number` of `total`."""

    number: int
    total: int
    split: str
    files: tuple[ImageFile, ...] = ()
    records: str = ""


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


def chunks_of(splits: Mapping[str, Sequence[ImageFile]]) -> list[Chunk]:
    """Cuts each split of a listing into chunks and returns them all."""
    cut = [(split, files) for split, listed in splits.items() for files in _cut(listed)]
    return [Chunk(number, len(cut), split, tuple(files)) for number, (split, files) in enumerate(cut)]


def record_chunks(settings: ImageSetSettings) -> list[Chunk]:
    """Returns one chunk for each TFRecord file."""
    files = [(split, file) for split, found in record_files(settings).items() for file in found]
    return [Chunk(number, len(files), split, records=file) for number, (split, file) in enumerate(files)]


def ingest(chunk: Chunk, settings: ImageSetSettings, directory: str) -> list[Fact]:
    """Writes the examples of a chunk below `directory`, as `Split-<split>/data_tfrecord-*.gz`; no file is ever incomplete.

    Returns:
      One fact per image, in the order of the chunk.
    """
    writers: dict[str, tf.io.TFRecordWriter] = {}
    facts = []
    name = f"data_tfrecord-{chunk.number:05d}-of-{chunk.total:05d}.gz"
    for image in _read(chunk, settings):
        example, fact = _judge(image, settings.max_pixels)
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


def fact_of(file: ImageFile, max_pixels: int) -> Fact:
    """Returns what `ingest` would find out about a file; its split is "" here."""
    encoded, reason = _content(file)
    domain = domain_of(file.class_name)
    image = _Read("", file.class_name, domain, file.source_id, file.path, file.path, encoded, reason)
    return _judge(image, max_pixels)[1]


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
    if chunk.records:
        return _read_records(chunk, settings)
    return _read_files(chunk.split, chunk.files)


def _read_files(split: str, files: Sequence[ImageFile]) -> Iterator[_Read]:
    for file, (encoded, reason) in zip(files, _contents(files), strict=True):
        domain = domain_of(file.class_name)
        yield _Read(split, file.class_name, domain, file.source_id, file.path, file.path, encoded, reason)


def _read_records(chunk: Chunk, settings: ImageSetSettings) -> Iterator[_Read]:
    for record in read_records(chunk.records):
        split = record_side(settings, chunk.split, record.class_name)
        path = f"{chunk.records}:{record.source_id}"
        name = record.source_id if has_image_suffix(record.source_id) else ""  # the source id may be any text
        yield _Read(split, record.class_name, record.domain, record.source_id, path, name, record.encoded)


def _contents(files: Sequence[ImageFile]) -> Iterator[tuple[bytes, str]]:
    """Yields the bytes of each file, or the reason why it cannot be read; many remote files are read at the same time."""
    if not any("://" in file.path for file in files):
        yield from map(_content, files)
        return
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        yield from pool.map(_content, files)


def _content(file: ImageFile) -> tuple[bytes, str]:
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


def _judge(image: _Read, max_pixels: int) -> tuple[bytes, Fact]:
    """Returns the example of an image (b"" if it is set aside) and the fact about it."""
    fact = Fact(image.split, image.class_name, image.source_id, image.path, image.reason, image.domain)
    if image.reason:
        return b"", fact
    try:
        info = inspect(image.encoded, image.name, max_pixels)
        pixels = _decode(image.encoded)
    except BadImage as error:
        return b"", fact._replace(reason=str(error))
    height, width, channels = pixels.shape
    shape = (height, width, channels)
    example = to_example(image.encoded, info.format, shape, image.class_name, image.domain, image.source_id)
    return example, fact._replace(
        format=info.format, height=height, width=width, flags=info.flags, digest=pixel_digest(pixels)
    )


def pixel_digest(pixels: np.ndarray) -> str:
    """Returns 32 hex digits that identify what uint8 [H, W, samples] shows.

    They are equal for two copies of an image in different encodings, and for a grey image that is stored in colour.
    """
    if pixels.shape[-1] in (2, 4) and (pixels[..., -1] == 255).all():
        pixels = pixels[..., :-1]
    if pixels.shape[-1] == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    return hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).hexdigest()


def _decode(encoded: bytes) -> np.ndarray:
    """Returns uint8 [H, W, samples] as `components.fewshot.images` decodes it, before colours and size are changed."""
    try:
        return tf.io.decode_image(encoded, channels=0, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise BadImage("damaged or truncated: its pixels cannot be decoded") from error
