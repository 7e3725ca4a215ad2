"""What an episode is: its specification, the classes it may use, and the images that are drawn for it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

DISTRACTOR = -1  # label of a query image whose class is not in the support set
TURNS = 4


class WantedEpisodes(BaseModel):
    """The episodes that a user asks for. `way` and `shot` are a number, or a range from which each episode draws one; whatever is
    None is fitted to the images (`components.fewshot.episodes.fitting`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: int | tuple[int, int] | None = Field(
        5, description="classes in an episode: a number, or a range such as [5, 10]; null fits it to the classes"
    )
    shot: int | tuple[int, int] | None = Field(
        1, description="support images of a class: a number, or a range; null is 1"
    )
    query: int | None = Field(15, ge=1, description="query images of a class; null fits it to the images")
    rotations: bool = Field(
        False, description="a class turned by 90, 180 or 270 degrees counts as another class"
    )  # Santoro et al. 2016, for Omniglot
    within_domain: bool = Field(
        False, description="all classes of an episode come from one domain, drawn uniformly from those that have enough"
    )
    distractors: int = Field(
        0,
        ge=0,
        description="number of further classes that appear only in the query set, with the label -1; where images have boxes,"
        " objects of other classes are in the queries anyway",
    )
    negatives: int = Field(
        0, ge=0, description="where images have boxes, number of queries without an object of the classes"
    )

    @field_validator("way", "shot")
    @classmethod
    def _ordered(cls, value: int | tuple[int, int] | None, info: ValidationInfo) -> int | tuple[int, int] | None:
        if value is None:
            return value
        low, high = value if isinstance(value, tuple) else (value, value)
        least = 2 if info.field_name == "way" else 1
        if not least <= low <= high:
            raise ValueError(
                f"expected a number of at least {least} or a range [low, high] of such numbers, got {value}"
            )
        return value

    @property
    def open(self) -> tuple[str, ...]:
        """The names of what is fitted to the images."""
        return tuple(name for name in ("way", "shot", "query") if getattr(self, name) is None)

    @property
    def title(self) -> str:
        """The usual way to write it: `5-way 1-shot`, `5..10-way 1..5-shot`; without what is fitted."""
        known = {"way": self.way, "shot": self.shot}
        return " ".join(f"{_span(value)}-{name}" for name, value in known.items() if value is not None)


class EpisodeSpec(WantedEpisodes):
    """The specification of episodes: nothing in it is open."""

    way: int | tuple[int, int] = Field(5, description="classes in an episode: a number, or a range such as [5, 10]")
    shot: int | tuple[int, int] = Field(1, description="support images of a class: a number, or a range")
    query: int = Field(15, ge=1, description="query images of a class")

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
        """How many images a class must have: the largest shot plus the query images."""
        return self.shot_range[1] + self.query


class ClassIndex(NamedTuple):
    """The classes of one split, sorted by name; class `c` owns the rows `starts[c]` to `starts[c + 1]`."""

    names: tuple[str, ...]
    domains: tuple[str, ...]
    starts: np.ndarray  # int64 [C + 1]
    distinct: np.ndarray | None = None  # int64 [C], images of each class, where a row is an object in one

    @classmethod
    def of(cls, classes: Iterable[tuple[str, str, int]]) -> "ClassIndex":
        """The index of (class name, domain, number of images), in the order of their rows."""
        names, domains, counts = zip(*classes, strict=True) if (classes := list(classes)) else ((), (), ())
        return cls(names, domains, np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64))

    @property
    def counts(self) -> np.ndarray:
        """Rows a class, int64 [C]."""
        return np.diff(self.starts)

    @property
    def images(self) -> np.ndarray:
        """Images a class, int64 [C]: as many as rows, unless these are objects and an image has several."""
        return self.counts if self.distinct is None else self.distinct


class Draw(NamedTuple):
    """Images drawn for one side of an episode."""

    rows: np.ndarray  # int64 [n], row of the image store
    turns: np.ndarray  # int32 [n], quarter turns, counter-clockwise
    labels: np.ndarray  # int32 [n], 0..way-1, or DISTRACTOR

    @property
    def images(self) -> np.ndarray:
        """A number for each image, the same for the same image and turn, int64 [n]."""
        return self.rows * TURNS + self.turns

    @staticmethod
    def of_images(numbers: np.ndarray) -> "Draw":
        """The images of these numbers [n], all with the label 0."""
        turns = (numbers % TURNS).astype(np.int32)
        return Draw(numbers // TURNS, turns, np.zeros_like(turns))


class Episode(NamedTuple):
    """One task. `class_ids[label]` is turn * C + class, so a rotated class has its own id."""

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

    def with_queries(self, most: int) -> "Episode":
        """The episode with at most `most` of its queries, but one of each class."""
        places = few_of_each(self.query.labels, most)
        return self._replace(query=Draw(*(values[places] for values in self.query)))


def few_of_each(labels: np.ndarray, most: int) -> np.ndarray:
    """The places of at most `most` of these labels [n], the first ones of each and as many of each as of any other, in order."""
    each = max(1, most // max(1, len(np.unique(labels))))
    found = [np.flatnonzero(labels == one)[:each] for one in np.unique(labels)]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))


def images_of(episodes: Iterable[Episode]) -> np.ndarray:
    """The numbers of the distinct images that episodes draw, sorted: int64 [N]."""
    return np.unique(np.concatenate([draw.images for one in episodes for draw in (one.support, one.query)]))


def _span(value: int | tuple[int, int]) -> str:
    low, high = value if isinstance(value, tuple) else (value, value)
    return f"{low}" if low == high else f"{low}..{high}"
