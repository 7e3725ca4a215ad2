"""Writes tf.Examples of images with boxes, with the keys of TensorFlow's detection API, and reads TFRecords of them.

Edges in an example are shares of the picture as a person sees it: EXIF orientation has been applied to them, and has yet to be
applied to the encoded picture.
"""

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError

from data.annotations.objects import Box, Told, Unfit, Written, distinct
from data.annotations.text import name_of, number, shown
from data.annotations.yolo import BEYOND
from data.keys import (
    CHANNELS,
    DIFFICULT,
    ENCODED,
    FILENAME,
    FORMAT,
    HEIGHT,
    IS_CROWD,
    OBJECT_CLASS,
    OBJECT_LABEL,
    SOURCE_ID,
    STRANGER,
    WIDTH,
    XMAX,
    XMIN,
    YMAX,
    YMIN,
)
from data.sources.records import compression_of

EDGES = (YMIN, XMIN, YMAX, XMAX)

Values = Mapping[str, list[Any]]  # of an example, by key


class SceneRecord(NamedTuple):
    """One record of a TFRecord file: a picture, and what is said of it; edges are shares of the picture as seen.

    If it has no source id, `source_id` is "<name of the file>:<number>".
    """

    source_id: str
    encoded: bytes
    told: Told


def to_scene_example(
    encoded: bytes,
    kind: str,
    shape: tuple[int, ...],
    boxes: Sequence[Box],
    source_id: str,
    strangers: Collection[str] = (),
) -> bytes:
    """Returns a serialised tf.Example, the same bytes for the same arguments.

    Args:
      encoded: the content of the image file.
      kind: its format.
      shape: (height, width, channels) of the picture as a person sees it.
      boxes: its objects; none, if nothing is in it.
      source_id: the path of the file below the root.
      strangers: classes that are on another side of the image set.
    """
    texts = {
        FORMAT: [kind],
        SOURCE_ID: [source_id],
        FILENAME: [source_id],
        OBJECT_CLASS: [box.class_name for box in boxes],
    }
    feature = {key: _bytes([text.encode() for text in found]) for key, found in texts.items()}
    feature[ENCODED] = _bytes([encoded])
    for key, name in zip(EDGES, ("ymin", "xmin", "ymax", "xmax"), strict=True):
        edges = tf.train.FloatList(value=[getattr(box, name) for box in boxes])
        feature[key] = tf.train.Feature(float_list=edges)
    numbers = {key: [side] for key, side in zip((HEIGHT, WIDTH, CHANNELS), shape, strict=True)}
    numbers |= {
        IS_CROWD: [int(box.ignored) for box in boxes],
        STRANGER: [int(box.class_name in strangers) for box in boxes],
    }
    for key, found in numbers.items():
        feature[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=found))
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True))


def read_scene_records(path: str, name: str = "") -> Iterator[SceneRecord]:
    """Yields the records of one file, gzipped or plain, in their order. One that is whole but wrong has a `told.reason`.

    Args:
      path: the file.
      name: what it is called in the source ids that are made here; its own name by default.

    Raises:
      ValueError: the file is damaged, or holds something other than tf.Examples.
    """
    name = name or posixpath.basename(path)
    number = 0
    try:
        for number, serialised in enumerate(tf.data.TFRecordDataset(path, compression_of(path)).as_numpy_iterator()):
            yield scene_of(serialised, path, f"{name}:{number}")
    except (tf.errors.OpError, DecodeError) as error:
        said = str(getattr(error, "message", error)).splitlines()[0]
        raise ValueError(
            f"record {number} of {path!r} cannot be read ({said}): expected tf.Examples, in a whole file"
        ) from error


def scene_of(serialised: bytes, path: str, default_id: str) -> SceneRecord:
    """Returns what a tf.Example holds; without a box, nothing is in the picture.

    Args:
      serialised: the example.
      path: of the file that it is from.
      default_id: its source id if it has none.

    Raises:
      DecodeError: it is no tf.Example.
    """
    feature = tf.train.Example.FromString(serialised).features.feature
    values = {key: _values(one) for key, one in feature.items()}
    ids = [_text(one) for key in (SOURCE_ID, FILENAME) for one in values.get(key, [])[:1]]
    encoded = next(iter(values.get(ENCODED, [])), b"")
    told = _told(values, path, next(filter(None, ids), default_id))
    if not encoded or not isinstance(encoded, bytes):
        return SceneRecord(
            told.names[0], b"", told._replace(reason=f"has no {ENCODED}: expected the content of a picture")
        )
    return SceneRecord(told.names[0], encoded, told)


def _told(values: Values, path: str, source_id: str) -> Told:
    classes = [_text(one) for one in values.get(OBJECT_CLASS) or values.get(OBJECT_LABEL, [])]
    edges = [values.get(key, []) for key in EDGES]
    flags = [values.get(key, []) for key in (IS_CROWD, DIFFICULT)]
    counts = {len(one) for one in (classes, *edges, *filter(None, flags))}
    told = Told(path, (source_id,), shares=True, seen=True)
    if len(counts) > 1:
        listed = ", ".join(
            f"{len(one):,} {key}" for key, one in zip(("classes", *EDGES), (classes, *edges), strict=True)
        )
        return told._replace(
            reason=f"holds {listed}: expected as many of each, and of {IS_CROWD} and {DIFFICULT} if there"
        )
    objects: list[Written] = []
    unfit: list[Unfit] = []
    for place, (name, *written) in enumerate(zip(classes, *edges, strict=True), 1):
        ignored = any(flag and flag[place - 1] == 1 for flag in flags)
        found = _object(name_of(name), written, ignored, f"object {place} of {source_id!r}")
        objects.append(found) if isinstance(found, Written) else unfit.append(found._replace(path=path))
    kept, twice = distinct(path, objects)
    return told._replace(objects=tuple(kept), unfit=(*unfit, *twice))


def _object(name: str, written: Sequence[object], ignored: bool, which: str) -> Written | Unfit:
    which = f"{which} ({shown(name)})" if name else which
    if not name:
        return Unfit("", which, f"has no class: expected a name in {OBJECT_CLASS}, or a number in {OBJECT_LABEL}")
    numbers = [number(one) for one in written]
    for edge, one in zip(numbers, written, strict=True):
        if edge is None or not -BEYOND <= edge <= 1 + BEYOND:
            return Unfit("", which, f"has an edge at {shown(one)}: expected shares of the sides of the picture, 0 to 1")
    ymin, xmin, ymax, xmax = (edge or 0.0 for edge in numbers)
    if ymin >= ymax or xmin >= xmax:
        return Unfit("", which, "has a box without any area, or with minimum and maximum interchanged: correct it")
    return Written(name, ymin, xmin, ymax, xmax, ignored, which)


def _values(feature: tf.train.Feature) -> list[bytes] | list[float] | list[int]:
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else name_of(value)


def _bytes(values: Sequence[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
