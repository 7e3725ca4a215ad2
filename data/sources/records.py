"""Writes tf.Examples of images, with the keys of TF Model Garden, and reads TFRecords of them."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError

from data.keys import CHANNELS, CLASS, DOMAIN, ENCODED, FORMAT, HEIGHT, SOURCE_ID, WIDTH
from data.settings import ImageSetSettings
from data.sources.dealing import is_validation
from data.sources.folders import ImageFile, domain_of
from data.sources.sides import check_shared
from data.sources.tree import REMOTE_REQUESTS, entry_of


class Record(NamedTuple):
    """One record of a TFRecord file. If it has no source id, `source_id` is "<name of the file>:<number>"."""

    class_name: str
    domain: str
    source_id: str
    encoded: bytes


def to_example(
    encoded: bytes, kind: str, shape: tuple[int, int, int], class_name: str, domain: str, source_id: str
) -> bytes:
    """Returns a serialised tf.Example, the same bytes for the same arguments.

    Args:
      encoded: the content of the image file.
      kind: its format.
      shape: (height, width, channels).
      class_name: its class.
      domain: the domain of the class.
      source_id: the path of the file below the root.
    """
    texts = {FORMAT: kind, CLASS: class_name, DOMAIN: domain, SOURCE_ID: source_id}
    feature = {key: _bytes(text.encode()) for key, text in texts.items()}
    feature[ENCODED] = _bytes(encoded)
    for key, number in zip((HEIGHT, WIDTH, CHANNELS), shape, strict=True):
        feature[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def record_files(settings: ImageSetSettings) -> dict[str, list[str]]:
    """Returns {split: files} that match the patterns, sorted. "val" is missing if there is no pattern for it.

    Raises:
      ValueError: a pattern matches no file, or two names are of one file.
    """
    return {split: [file.path for file in files] for split, files in record_listing(settings).items() if files}


def read_records(path: str, name: str = "") -> Iterator[Record]:
    """Yields the records of one file, gzipped or plain, in their order.

    Args:
      path: the file.
      name: what it is called in the source ids that are made here (`record_name`); its own name by default.

    Raises:
      ValueError: the file is damaged, or a record is not a tf.Example with an image and a class.
    """
    name = name or posixpath.basename(path)
    number = 0
    try:
        for number, serialised in enumerate(tf.data.TFRecordDataset(path, compression_of(path)).as_numpy_iterator()):
            yield _parse(serialised, f"{name}:{number}")
    except (tf.errors.OpError, DecodeError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(
            f"record {number} of {path!r} cannot be read ({_reason(error)}): expected tf.Examples with {ENCODED} and {CLASS}"
        ) from error


def record_name(settings: ImageSetSettings, split: str, path: str) -> str:
    """Returns the path of a file below the folder that the pattern of `split` names in full: its own among those files."""
    pattern = _patterns(settings)[split]
    fixed = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    folder = fixed[: fixed.rfind("/") + 1]
    return path.removeprefix(folder) if path != pattern else posixpath.basename(path)


def record_counts(settings: ImageSetSettings) -> dict[str, list[tuple[str, str, int]]]:
    """Returns (class, its domain, number of images) for each split, sorted. It reads every file once.

    Raises:
      ValueError: a file is damaged, or a class names several domains.
    """
    counts: dict[str, Counter[tuple[str, str]]] = {"train": Counter(), "val": Counter(), "test": Counter()}
    places: dict[tuple[str, str], str] = {}
    for split, files in record_files(settings).items():
        for file in files:
            for record in read_records(file, record_name(settings, split, file)):
                counts[record_side(settings, split, record.class_name)][record.class_name, record.domain] += 1
                places.setdefault((record.class_name, record.domain), file)
    check_domains((*named, file) for named, file in places.items())
    return {
        split: [(name, domain, images) for (name, domain), images in sorted(side.items())]
        for split, side in counts.items()
    }


def check_domains(named: Iterable[tuple[str, str, str]]) -> None:
    """Raises ValueError if a class has several domains in the (class, domain, path) of images."""
    domains: dict[str, dict[str, str]] = {}
    for class_name, domain, path in named:
        domains.setdefault(class_name, {}).setdefault(domain, path)
    mixed = {name: paths for name, paths in sorted(domains.items()) if len(paths) > 1}
    if mixed:
        name = next(iter(mixed))
        found = ", ".join(f"{domain!r} in {path}" for domain, path in sorted(mixed[name].items()))
        others = f" ({len(mixed):,} classes have several)" if len(mixed) > 1 else ""
        raise ValueError(
            f"class {name!r} has several domains, {found}; expected one for all images of a class{others}: give them the same"
            f" {DOMAIN}, or each domain a class of its own name in {CLASS}"
        )


def record_side(settings: ImageSetSettings, split: str, class_name: str) -> str:
    """Returns the split of a record from the files of `split`: train records of held-out classes are in "val"."""
    if split == "train" and not settings.val_tfrecord and is_validation(class_name, settings.validation_share):
        return "val"
    return split


def record_listing(settings: ImageSetSettings) -> dict[str, list[ImageFile]]:
    """Returns the TFRecord files of each split, sorted; none of "val" if there is no pattern for it.

    Raises:
      ValueError: a pattern matches no file, or two names are of one file.
    """
    listing: dict[str, list[ImageFile]] = {"train": [], "val": [], "test": []}
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        for split, pattern in _patterns(settings).items():
            found = [pattern] if tf.io.gfile.exists(pattern) else sorted(tf.io.gfile.glob(pattern))
            if not found:
                raise ValueError(f"{split}_tfrecord = {pattern!r} matches no file: correct the pattern")
            for entry in pool.map(entry_of, found, found):
                listing[split].append(ImageFile("", *entry))
    named = [(f"{split}_tfrecord", file) for split, files in listing.items() for file in files]
    check_shared((f"{key} {file.path!r}", [file]) for key, file in named)
    return listing


def _patterns(settings: ImageSetSettings) -> dict[str, str]:
    patterns = {"train": settings.train_tfrecord, "val": settings.val_tfrecord, "test": settings.test_tfrecord}
    return {split: pattern for split, pattern in patterns.items() if pattern}


def compression_of(path: str) -> str:
    """Returns what `tf.data.TFRecordDataset` has to know of a file: "GZIP" or ""."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return "GZIP" if file.read(2) == b"\x1f\x8b" else ""


def _parse(serialised: bytes, default_id: str) -> Record:
    feature = tf.train.Example.FromString(serialised).features.feature
    texts = {key: list(feature[key].bytes_list.value) for key in (ENCODED, CLASS, DOMAIN, SOURCE_ID) if key in feature}
    for key in (ENCODED, CLASS):
        if not texts.get(key):
            raise KeyError(f"it has no {key}")
    class_name = texts[CLASS][0].decode()
    domain = texts[DOMAIN][0].decode() if texts.get(DOMAIN) else domain_of(class_name)
    source_id = texts[SOURCE_ID][0].decode() if texts.get(SOURCE_ID) else default_id
    return Record(class_name, domain, source_id, texts[ENCODED][0])


def _reason(error: Exception) -> str:
    message = error.message if isinstance(error, tf.errors.OpError) else str(error.args[0])
    return str(message).splitlines()[0]


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
