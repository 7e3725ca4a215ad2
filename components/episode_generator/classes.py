"""Which classes the episodes of a run can use, for each split and specification.

It does not import TFX, so that a run can ask before it starts.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot.episodes.classes import TooSmall, UsableClasses, usable_classes
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec

MENDS = {
    "train": "add classes or images to train",
    "val": "name a validation set (val_dir), raise validation_split, or add classes or images to train",
    "test": "add classes or images to test",
}


class Asked(NamedTuple):
    """Episodes that a run draws from a split; `key` is the name of their specification in the settings."""

    split: str
    key: str
    spec: EpisodeSpec


class Ingested(NamedTuple):
    """What became of the files of one split before they came here.

    Attributes:
      empty: classes none of whose files takes part.
      duplicates: number of files that do not take part, because their picture is in another file too.
      listed: where these files are listed.
    """

    empty: tuple[str, ...] = ()
    duplicates: int = 0
    listed: str = ""


class SplitClasses(TypedDict):
    """An entry of classes.json: which classes of a split can be in episodes of one specification."""

    split: str
    episodes: str  # title of the specification
    images_per_class: int  # that an episode needs
    classes: int  # that have so many
    classes_too_small: list[TooSmall]


def asked(settings: EpisodeGeneratorSettings) -> list[Asked]:
    """Returns all kinds of episodes of a run."""
    train = [Asked("train", "train_episodes", settings.train)] if settings.train else []
    main = [Asked(split, "episodes", settings.evaluation) for split in ("val", "test")]
    return train + main + [Asked("test", "also", also.spec) for also in settings.also]


def check_classes(one: Asked, index: ClassIndex, ingested: Ingested | None = None) -> SplitClasses:
    """Returns which classes of a split can be used.

    Args:
      one: the episodes.
      index: the classes of their split.
      ingested: what became of the files of the split, if that is known.

    Raises:
      ValueError: they are too few for the largest episode; the message names the split and what to change.
    """
    ingested = ingested or Ingested()
    usable = usable_classes(index, one.spec, ingested.empty)
    repeated = f" (files with the same picture, {ingested.duplicates:,} here, do not count: see {ingested.listed})"
    lower = ", ".join(f"{one.key}.{name}" for name in ("way", "shot")) + f" or {one.key}.query"
    if shortage := usable.shortage(MENDS[one.split], lower, repeated if ingested.duplicates else ""):
        raise ValueError(f"split {one.split!r}: {shortage}")
    return split_classes(one.split, usable)


def split_classes(split: str, usable: UsableClasses) -> SplitClasses:
    """Returns the entry of classes.json."""
    return {
        "split": split,
        "episodes": usable.spec.title,
        "images_per_class": usable.spec.images_per_class,
        "classes": usable.classes,
        "classes_too_small": usable.too_small,
    }


def ingested_of(summary: Mapping[str, dict], split: str, listed: str) -> Ingested:
    """Returns what summary.json says about a split; an empty summary says nothing.

    Args:
      summary: the content of summary.json.
      split: train, val or test.
      listed: path of duplicates.json.
    """
    of_split = summary.get("splits", {}).get(split)
    if not of_split:
        return Ingested()
    return Ingested(tuple(of_split["empty_classes"]), sum(of_split["duplicates"].values()), listed)
