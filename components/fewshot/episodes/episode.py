"""What an episode is: its specification, the classes that it draws from, the images that it draws."""

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
