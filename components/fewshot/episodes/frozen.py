"""Frozen episodes: written once, and read by every model that is evaluated on them."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import ClassIndex, Draw, Episode
from components.fewshot.integrity import Incomplete, lacking


def to_example(episode: Episode) -> bytes:
    """An episode as a serialized tf.train.Example of int64 lists; `from_example` is its inverse."""
    lists = {"index": np.array([episode.index]), "class_ids": episode.class_ids}
    for side in ("support", "query"):
        for key, values in getattr(episode, side)._asdict().items():
            lists[f"{side}/{key}"] = values
    features = {
        key: tf.train.Feature(int64_list=tf.train.Int64List(value=value.tolist())) for key, value in lists.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def from_example(serialized: bytes) -> Episode:
    """Inverse of `to_example`."""
    feature = tf.train.Example.FromString(serialized).features.feature

    def values(key: str, dtype: type) -> np.ndarray:
        return np.array(feature[key].int64_list.value, dtype)

    support, query = (
        Draw(values(f"{side}/rows", np.int64), values(f"{side}/turns", np.int32), values(f"{side}/labels", np.int32))
        for side in ("support", "query")
    )
    return Episode(int(values("index", np.int64)[0]), values("class_ids", np.int32), support, query)


def read_frozen(directory: str, name: str = "episodes", count: int | None = None) -> list[Episode]:
    """The frozen episodes `<directory>/<name>-*.tfrecord`, by number.

    Raises:
      FileNotFoundError: there is no such file.
      Incomplete: they are not the episodes 0, 1, 2 ..., `count` of them if that is given.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(directory, f"{name}-*.tfrecord")))
    if not files:
        raise FileNotFoundError(f"expected frozen episodes {name}-*.tfrecord in {directory}, found none")
    episodes = [from_example(record.numpy()) for record in tf.data.TFRecordDataset(files)]
    episodes.sort(key=lambda episode: episode.index)
    numbers = [episode.index for episode in episodes]
    if miss := lacking(numbers, len(numbers) if count is None else count):
        raise Incomplete(f"{files[0]}: {miss}")
    return episodes


def episodes_hash(episodes: Iterable[Episode], index: ClassIndex, source_ids: Sequence[str]) -> str:
    """SHA-256 (hex) of the content of episodes: names of classes and images, turns and labels, by episode number."""
    digest, name_of = hashlib.sha256(), cache(source_ids.__getitem__)  # an image is in many episodes
    for episode in sorted(episodes, key=lambda e: e.index):
        names = [f"{index.names[c % len(index.names)]}@{c // len(index.names)}" for c in episode.class_ids]
        digest.update("\0".join([str(episode.index), *names]).encode())
        for draw in (episode.support, episode.query):
            for row, turn, label in zip(draw.rows, draw.turns, draw.labels, strict=True):
                digest.update(f"\0{name_of(row)}\0{turn}\0{label}".encode())
    return digest.hexdigest()
