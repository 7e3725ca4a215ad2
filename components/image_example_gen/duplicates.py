"""Finds the same picture in several files, and decides which of these files take part in episodes and training.

All of them are written as examples; the EpisodeGenerator leaves out those that take no part, and `fewshot evaluate` does too. A
picture is identified by the digest of its decoded pixels. Within a class the first file stands for all. A picture in several
classes of one split has no true class there, so none of its files takes part in that split. Each split is decided by itself: a
split has the same images whatever the others hold, and `fewshot evaluate` on its folder finds them again.
"""

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple, TypedDict

from components.image_example_gen.facts import Fact
from data.sources.repeated import repeated
from data.sources.splits import SPLITS

BYTES = 7  # of a number by which a picture or a source id is found again


class DuplicateFile(TypedDict):
    """A file whose picture is in other files too."""

    split: str
    class_name: str
    source_id: str
    path: str
    takes_part: bool


class LeftOut(TypedDict):
    """How many files of a split take no part, and why."""

    within_class: int  # their picture is that of an earlier file of their class
    across_classes: int  # their picture is in several classes of the split, or of all splits where these are kept apart


class DuplicateCounts(LeftOut):
    """How many files of all splits take no part, and how many pictures are in more than one split."""

    across_splits: int  # leaks: one for each picture and two splits that it is in


class Duplicates(NamedTuple):
    """Which images take part, and which pictures are in several files.

    Attributes:
      kept: the images that take part, in the order of the facts.
      left_out: the files that do not, because of their picture, in the order of the facts.
      counts: how many files of each split were left out.
      leaks: (path, path) of the same picture in two splits: one pair per picture and two splits, sorted.
      pictures: the files of every picture that is in more than one, the files of one picture together, sorted by path.
    """

    kept: list[Fact]
    left_out: list[Fact]
    counts: dict[str, LeftOut]
    leaks: list[tuple[str, str]]
    pictures: list[list[DuplicateFile]]

    @property
    def total(self) -> DuplicateCounts:
        """The counts of all splits together, with the leaks."""
        return {
            "within_class": sum(one["within_class"] for one in self.counts.values()),
            "across_classes": sum(one["across_classes"] for one in self.counts.values()),
            "across_splits": len(self.leaks),
        }


class Repeats:
    """Finds the facts that share a picture or a source id with another. It keeps 16 bytes of each fact, and looks in 48."""

    def __init__(self) -> None:
        self._keys = array("q")

    def add(self, fact: Fact) -> None:
        """Looks at one more."""
        if not fact.reason:
            self._keys.extend(_keys(fact))

    def among(self, facts: Iterable[Fact]) -> list[Fact]:
        """Returns those of all `facts`, which have been added before, that share something; by chance others too."""
        several = repeated(self._keys)
        if not several:
            return []
        return [fact for fact in facts if not fact.reason and not several.isdisjoint(_keys(fact))]


def _keys(fact: Fact) -> tuple[int, int]:
    """Returns a number for the picture, and one for the source id in its split."""
    source = hashlib.blake2b(f"{fact.split}\0{fact.source_id}".encode(), digest_size=BYTES).digest()
    return int(fact.digest[: 2 * BYTES], 16), int.from_bytes(source)


def find_duplicates(facts: Sequence[Fact], apart: bool = False) -> Duplicates:
    """Returns what takes part, and the duplicates. Facts with a reason were set aside and are in neither.

    Args:
      apart: whether a picture in several splits takes part in none, and so is no leak. Where images go on arriving, it could
        otherwise be in one of them today, and in another tomorrow.
    """
    pictures: dict[str, list[int]] = defaultdict(list)
    for number, fact in enumerate(facts):
        if not fact.reason:
            pictures[fact.digest].append(number)
    counts: dict[str, LeftOut] = {split: {"within_class": 0, "across_classes": 0} for split in {f.split for f in facts}}
    out: set[int] = set()
    for numbers in pictures.values():
        if apart and len({facts[number].split for number in numbers}) > 1:
            out |= set(numbers)
            for number in numbers:
                counts[facts[number].split]["across_classes"] += 1
            continue
        for side in _by_split(facts, numbers):
            count = counts[facts[side[0]].split]
            if len({facts[number].class_name for number in side}) > 1:
                count["across_classes"] += len(side)
                out |= set(side)
            else:
                count["within_class"] += len(side) - 1
                out |= set(side[1:])
    good = [number for number, fact in enumerate(facts) if not fact.reason]
    several = [numbers for numbers in pictures.values() if len(numbers) > 1]
    return Duplicates(
        [facts[number] for number in good if number not in out],
        [facts[number] for number in good if number in out],
        counts,
        [] if apart else sorted(pair for numbers in several for pair in _leaks(facts, numbers)),
        sorted((_files(facts, numbers, out) for numbers in several), key=lambda files: [one["path"] for one in files]),
    )


def _by_split(facts: Sequence[Fact], numbers: Iterable[int]) -> list[list[int]]:
    """Returns the files of a picture by split, each list sorted by source id."""
    sides: dict[str, list[int]] = defaultdict(list)
    for number in sorted(numbers, key=lambda number: (facts[number].source_id, facts[number].path)):
        sides[facts[number].split].append(number)
    return [sides[split] for split in sorted(sides, key=_place)]


def _place(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _leaks(facts: Sequence[Fact], numbers: Iterable[int]) -> Iterable[tuple[str, str]]:
    firsts = [facts[side[0]].path for side in _by_split(facts, numbers)]
    return combinations(firsts, 2)


def _files(facts: Sequence[Fact], numbers: Iterable[int], out: set[int]) -> list[DuplicateFile]:
    return [
        {
            "split": facts[number].split,
            "class_name": facts[number].class_name,
            "source_id": facts[number].source_id,
            "path": facts[number].path,
            "takes_part": number not in out,
        }
        for side in _by_split(facts, numbers)
        for number in side
    ]
