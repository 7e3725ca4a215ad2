"""N-way K-shot episodes as a pure function of (class index, specification, seed, number).

Nothing here depends on the order in which images arrive, on a machine or on a worker: episode `i` is drawn from a
counter-based random generator keyed by (seed, i), whose raw stream numpy guarantees never to change.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

DISTRACTOR = -1  # label of a query image whose class is not in the support set
TURNS = 4


class EpisodeSpec(BaseModel):
    """What an episode is made of; `way` and `shot` are a number or an inclusive range drawn anew for each episode.

    Attributes:
      way: classes in an episode.
      shot: support images a class.
      query: query images a class.
      rotations: a class turned by 90, 180 and 270 degrees is a class of its own (Santoro et al. 2016, for Omniglot).
      within_domain: all classes of an episode come from one domain, drawn uniformly from those that have enough.
      distractors: further classes of which only query images appear, labelled -1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: int | tuple[int, int] = 5
    shot: int | tuple[int, int] = 1
    query: int = Field(15, ge=1)
    rotations: bool = False
    within_domain: bool = False
    distractors: int = Field(0, ge=0)

    @field_validator("way", "shot")
    @classmethod
    def _ordered(cls, value: int | tuple[int, int], info: ValidationInfo) -> int | tuple[int, int]:
        low, high = value if isinstance(value, tuple) else (value, value)
        least = 2 if info.field_name == "way" else 1
        if not least <= low <= high:
            raise ValueError(f"expected a number of at least {least} or a range [low, high] of such, got {value}")
        return value

    @property
    def way_range(self) -> tuple[int, int]:
        """(least, most) classes in an episode."""
        return self.way if isinstance(self.way, tuple) else (self.way, self.way)

    @property
    def shot_range(self) -> tuple[int, int]:
        """(least, most) support images a class."""
        return self.shot if isinstance(self.shot, tuple) else (self.shot, self.shot)

    @property
    def images_per_class(self) -> int:
        """Images a class must have to be drawn: most shots plus query."""
        return self.shot_range[1] + self.query

    @property
    def title(self) -> str:
        """As people write it: `5-way 1-shot`, `5..10-way 1..5-shot`."""
        way, shot = (f"{lo}" if lo == hi else f"{lo}..{hi}" for lo, hi in (self.way_range, self.shot_range))
        return f"{way}-way {shot}-shot"


class ClassIndex(NamedTuple):
    """The classes of one split, sorted by name; class `c` owns the rows `starts[c]` to `starts[c + 1]`."""

    names: tuple[str, ...]
    domains: tuple[str, ...]
    starts: np.ndarray  # int64 [C + 1]

    @property
    def counts(self) -> np.ndarray:
        """Images a class, int64 [C]."""
        return np.diff(self.starts)


class Draw(NamedTuple):
    """Images drawn for one side of an episode."""

    rows: np.ndarray  # int64 [n], row of the image store
    turns: np.ndarray  # int32 [n], quarter turns, counter-clockwise
    labels: np.ndarray  # int32 [n], 0..way-1, or DISTRACTOR


class Episode(NamedTuple):
    """One task: `class_ids[label]` is turn * C + class, so that a rotated class has an id of its own."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    class_ids: np.ndarray  # int32 [way]
    support: Draw  # way * shot images, class by class
    query: Draw  # (way + distractors) * query images, class by class

    @property
    def way(self) -> int:
        """Number of classes."""
        return len(self.class_ids)

    @property
    def shot(self) -> int:
        """Support images a class."""
        return len(self.support.rows) // self.way


class EpisodeSampler:
    """Draws episode `i` of a split: `EpisodeSampler(index, spec, seed)(i)`, the same wherever it is called.

    Raises:
      ValueError: too few classes hold enough images; the message says how many do and which setting to lower.
    """

    def __init__(self, index: ClassIndex, spec: EpisodeSpec, seed: int) -> None:
        self.index, self.spec, self.seed = index, spec, seed
        self._pools = _pools(index, spec)

    def __call__(self, i: int) -> Episode:
        """Episode number `i` (0, 1, ...)."""
        rng = _Random(self.seed, i)
        way = rng.between(*self.spec.way_range)
        shot = rng.between(*self.spec.shot_range)
        fitting = [pool for pool in self._pools if len(pool) >= way + self.spec.distractors]
        pool = fitting[rng.below(len(fitting))]
        class_ids = pool[rng.choose(len(pool), way + self.spec.distractors)]
        count = len(self.index.names)
        support: list[np.ndarray] = []
        query: list[np.ndarray] = []
        for label, class_id in enumerate(class_ids):
            start, end = self.index.starts[class_id % count : class_id % count + 2]
            rows = start + rng.choose(int(end - start), shot + self.spec.query)
            turns = np.full(len(rows), class_id // count)
            labels = np.full(len(rows), label if label < way else DISTRACTOR)
            drawn = np.stack([rows, turns, labels])
            query.append(drawn[:, shot:])
            if label < way:
                support.append(drawn[:, :shot])
        return Episode(i, class_ids[:way].astype(np.int32), _draw(support), _draw(query))


def to_example(episode: Episode) -> bytes:
    """An episode as a serialized tf.train.Example of int64 lists; `from_example` is its inverse."""
    import tensorflow as tf

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
    import tensorflow as tf

    feature = tf.train.Example.FromString(serialized).features.feature

    def values(key: str, dtype: type) -> np.ndarray:
        return np.array(feature[key].int64_list.value, dtype)

    support, query = (
        Draw(values(f"{side}/rows", np.int64), values(f"{side}/turns", np.int32), values(f"{side}/labels", np.int32))
        for side in ("support", "query")
    )
    return Episode(int(values("index", np.int64)[0]), values("class_ids", np.int32), support, query)


def read_frozen(directory: str, name: str = "episodes") -> list[Episode]:
    """The frozen episodes `<directory>/<name>-*.tfrecord`, by number.

    Raises:
      FileNotFoundError: there are none.
    """
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(os.path.join(directory, f"{name}-*.tfrecord")))
    if not files:
        raise FileNotFoundError(f"expected frozen episodes {name}-*.tfrecord in {directory}, found none")
    episodes = [from_example(record.numpy()) for record in tf.data.TFRecordDataset(files)]
    return sorted(episodes, key=lambda episode: episode.index)


def episodes_hash(episodes: Iterable[Episode], index: ClassIndex, source_ids: Sequence[str]) -> str:
    """SHA-256 (hex) over what the episodes show: names of classes and images, turns and labels, by episode number."""
    digest = hashlib.sha256()
    for episode in sorted(episodes, key=lambda e: e.index):
        names = [f"{index.names[c % len(index.names)]}@{c // len(index.names)}" for c in episode.class_ids]
        digest.update("\0".join([str(episode.index), *names]).encode())
        for draw in (episode.support, episode.query):
            for row, turn, label in zip(draw.rows, draw.turns, draw.labels, strict=True):
                digest.update(f"\0{source_ids[row]}\0{turn}\0{label}".encode())
    return digest.hexdigest()


def _pools(index: ClassIndex, spec: EpisodeSpec) -> list[np.ndarray]:
    """Class ids that may meet in one episode: one pool, or one a domain; only pools that hold the least way."""
    eligible = np.flatnonzero(index.counts >= spec.images_per_class)
    turns = TURNS if spec.rotations else 1
    groups = [eligible]
    if spec.within_domain:
        domains = np.array(index.domains)[eligible]
        groups = [eligible[domains == domain] for domain in sorted(set(domains))]
    count = len(index.names)
    pools = [np.concatenate([group + turn * count for turn in range(turns)]) for group in groups]
    largest = max((len(pool) for pool in pools), default=0)
    least, most = spec.way_range
    if largest < most + spec.distractors:
        where = "of the same domain " if spec.within_domain else ""
        raise ValueError(
            f"episodes of {spec.title} with {spec.query} query images need {most + spec.distractors} classes {where}"
            f"of at least {spec.images_per_class} images each, but only {largest} of {count * turns} are that large: "
            "lower episodes.way, episodes.shot or episodes.query, or add images"
        )
    return [pool for pool in pools if len(pool) >= least + spec.distractors]


def _draw(parts: list[np.ndarray]) -> Draw:
    rows, turns, labels = np.concatenate(parts, axis=1)
    return Draw(rows, turns.astype(np.int32), labels.astype(np.int32))


class _Random:
    """Unbiased integers from Philox's raw 64-bit stream, keyed by (seed, number): distributions of numpy may change
    between versions, this stream may not (NEP 19)."""

    def __init__(self, seed: int, number: int) -> None:
        if not (0 <= seed < 2**63 and 0 <= number < 2**63):
            raise ValueError(f"seed and episode number: expected 0 to 2**63-1, got {seed} and {number}")
        key = np.array([seed, number], np.uint64)
        self._bits = np.random.Philox(key=key)

    def below(self, n: int) -> int:
        """A number in 0..n-1, by rejection, so that none is likelier than another."""
        limit = 2**64 - 2**64 % n
        while (value := int(self._bits.random_raw())) >= limit:
            pass
        return value % n

    def between(self, low: int, high: int) -> int:
        """A number in low..high; a single choice draws nothing."""
        return low if low == high else low + self.below(high - low + 1)

    def choose(self, n: int, k: int) -> np.ndarray:
        """`k` different numbers of 0..n-1 in random order: the first k of a Fisher-Yates shuffle, in O(k) memory."""
        moved: dict[int, int] = {}
        chosen = np.empty(k, np.int64)
        for i in range(k):
            j = i + self.below(n - i)
            chosen[i] = moved.get(j, j)
            moved[j] = moved.get(i, i)
        return chosen
