"""Decides which classes can take part in episodes, and says what the others lack. Nothing else decides it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from components.fewshot.episodes.episode import TURNS, ClassIndex, EpisodeSpec
from components.fewshot.words import counted

NAMED = 5  # classes in a message


class TooSmall(TypedDict):
    """A class that is in no episode, because it has too few images, or because its domain has too few classes."""

    class_name: str
    images: int
    lacks: int  # images
    domain_lacks: int  # classes, where all classes of an episode come from one domain; 0 if the class lacks images


class UsableClasses(NamedTuple):
    """The classes of one split, as episodes of `spec` use them.

    Attributes:
      spec: the specification of the episodes.
      classes: number of classes that can be in an episode, not counting turned ones.
      too_small: the others, sorted by name.
      pools: class ids (turn * C + class) that may be together in an episode, int64 [n] each: one pool, or one for each domain
        with enough classes. There is none if the split is too small.
      most: size of the largest group of classes that may be together, turned ones included.
      of: number of all classes, turned ones included.
    """

    spec: EpisodeSpec
    classes: int
    too_small: list[TooSmall]
    pools: list[np.ndarray]
    most: int
    of: int

    def shortage(
        self,
        add: str = "add classes or images",
        lower: str = "way, shot or query",
        note: str = "",
        across: str = "switch within_domain off",
    ) -> str | None:
        """Returns the sentence of an error if there are too few classes for the largest episode, or None.

        Args:
          add: what the reader can add, and where.
          lower: the settings that the reader can lower instead; none if it is empty.
          note: what else the reader should know of these classes, as a part of a sentence.
          across: how the reader can draw episodes across domains.
        """
        spec, needed = self.spec, self.spec.way_range[1] + self.spec.distractors
        if self.most >= needed:
            return None
        where = "of the same domain " if spec.within_domain else ""
        lacking = f" ({named(self.too_small)})" if self.too_small else ""
        instead = f", or lower {lower}" if lower else ""
        inside = f", or {across}" if spec.within_domain else ""
        return (
            f"episodes of {spec.title} with {counted(spec.query, 'query image')} need {needed} classes {where}of at least"
            f" {counted(spec.images_per_class, 'image')} each, but only {self.most} of {self.of} have so many{note}: {add}"
            f"{lacking}{instead}{inside}"
        )


def usable_classes(index: ClassIndex, spec: EpisodeSpec, empty: Iterable[str] = ()) -> UsableClasses:
    """Returns which classes can be in episodes of `spec`.

    Args:
      index: the classes that have images.
      spec: the specification of the episodes.
      empty: names of classes that have none, so that they are not forgotten.
    """
    count, turns, empty = len(index.names), TURNS if spec.rotations else 1, list(empty)
    least = spec.way_range[0] + spec.distractors
    enough = np.flatnonzero(index.images >= spec.images_per_class)
    groups = {"": enough}
    if spec.within_domain:
        by_domain: dict[str, list[int]] = {domain: [] for domain in sorted(set(index.domains))}
        for one in enough.tolist():
            by_domain[index.domains[one]].append(one)
        groups = {domain: np.array(ids, np.int64) for domain, ids in by_domain.items()}
    pools = [np.concatenate([group + turn * count for turn in range(turns)]) for group in groups.values()]
    missing = {domain: max(0, -(-(least - turns * len(group)) // turns)) for domain, group in groups.items()}
    too_small = [_too_small(name, 0, spec.images_per_class, 0) for name in empty]
    for name, domain, images in zip(index.names, index.domains, index.images, strict=True):
        alone = missing[domain] if spec.within_domain else 0
        if images < spec.images_per_class or alone:
            too_small.append(_too_small(name, int(images), spec.images_per_class, alone))
    too_small.sort(key=lambda one: one["class_name"])
    total = count + len(empty)
    fitting = [pool for pool in pools if len(pool) >= least]
    most = max((len(pool) for pool in pools), default=0)
    return UsableClasses(spec, total - len(too_small), too_small, fitting, most, total * turns)


def named(too_small: Sequence[TooSmall], most: int = NAMED) -> str:
    """Returns the first few classes with what each lacks, as in `a lacks 3, b lacks 5 and 4 more`."""
    parts = [f"{one['class_name']} lacks {_lack(one)}" for one in too_small[:most]]
    more = f" and {len(too_small) - most:,} more" if len(too_small) > most else ""
    return ", ".join(parts) + more


def _lack(one: TooSmall) -> str:
    if one["lacks"]:
        return f"{one['lacks']:,}"
    return f"{counted(one['domain_lacks'], 'class', 'classes')} beside it in its domain"


def _too_small(name: str, images: int, needed: int, domain_lacks: int) -> TooSmall:
    lacks = max(0, needed - images)
    return {"class_name": name, "images": images, "lacks": lacks, "domain_lacks": 0 if lacks else domain_lacks}
