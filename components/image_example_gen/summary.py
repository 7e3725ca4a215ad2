"""Summarises the facts about single images as facts about the whole image set."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypedDict

from components.image_example_gen.ingest import Fact
from data.sources.folders import domain_of
from data.sources.images import FLAGS
from data.sources.splits import SPLITS

LEAKS_SHOWN = 100
REJECTED_SHOWN = 3


class SplitSummary(TypedDict):
    """The size of one split; a class is given as [name, number of images]."""

    classes: int
    images: int
    domains: int
    smallest_class: list[str | int] | None
    largest_class: list[str | int] | None


class Summary(TypedDict):
    """The content of summary.json."""

    splits: dict[str, SplitSummary]
    formats: dict[str, int]  # images of each format
    policy: dict[str, int]  # images with each flag of the reading policy
    sizes: dict[str, list[int] | None]  # [height, width]
    rejected: int
    leaks: list[list[str]]  # pairs of source ids
    leak_count: int
    fingerprint: str


def summarise(facts: Sequence[Fact], rejected: int, fingerprint: str) -> Summary:
    """Returns the content of summary.json.

    Args:
      facts: one fact for each image that was read.
      rejected: number of files that were set aside, while listing or reading.
      fingerprint: the fingerprint of the listing.

    Raises:
      ValueError: two images of a split share a source id.
    """
    good = [fact for fact in facts if not fact.reason]
    _check_unique(good)
    leaks = find_leaks(good)
    flags = Counter(flag for fact in good for flag in fact.flags)
    return {
        "splits": {split: _split_summary(fact for fact in good if fact.split == split) for split in SPLITS},
        "formats": dict(sorted(Counter(fact.format for fact in good).items())),
        "policy": {flag: flags[flag] for flag in FLAGS},
        "sizes": _sizes(good),
        "rejected": rejected,
        "leaks": [list(leak) for leak in leaks[:LEAKS_SHOWN]],
        "leak_count": len(leaks),
        "fingerprint": fingerprint,
    }


def find_leaks(facts: Iterable[Fact]) -> list[tuple[str, str]]:
    """Returns pairs of source ids in different splits whose images have the same pixels: one pair per image and two splits."""
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for fact in facts:
        sides[fact.digest].setdefault(fact.split, fact.source_id)
    shared = [by_split for by_split in sides.values() if len(by_split) > 1]
    return sorted(
        (by_split[one], by_split[other])
        for by_split in shared
        for one, other in combinations([split for split in SPLITS if split in by_split], 2)
    )


def reject_message(rejected: Sequence[Mapping[str, str]], total: int, limit: float, report: str) -> str | None:
    """Returns the error message of a run with too many bad files, or None; `rejected` is the content of rejected.json."""
    if len(rejected) <= limit * total:
        return None
    first = "; ".join(f"{one['path']}: {one['reason']}" for one in rejected[:REJECTED_SHOWN])
    more = "; ..." if len(rejected) > REJECTED_SHOWN else ""
    return (
        f"{len(rejected):,} of {total:,} files ({len(rejected) / total:.1%}) cannot be used, and max_reject_fraction ="
        f" {limit:g} allows {limit:.1%} ({first}{more}): see {report} for all of them; repair or remove them, or raise"
        " max_reject_fraction"
    )


def _check_unique(facts: Iterable[Fact]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for fact in facts:
        key = fact.split, fact.source_id
        if key in seen:
            raise ValueError(
                f"two images of the {fact.split} split share the source id {fact.source_id!r} ({seen[key]} and"
                f" {fact.path}): give each image its own source id"
            )
        seen[key] = fact.path


def _split_summary(facts: Iterable[Fact]) -> SplitSummary:
    classes = Counter(fact.class_name for fact in facts)
    by_size = sorted(classes.items(), key=lambda item: (item[1], item[0]))
    return {
        "classes": len(classes),
        "images": sum(classes.values()),
        "domains": len({domain_of(name) for name in classes}),
        "smallest_class": list(by_size[0]) if by_size else None,
        "largest_class": list(by_size[-1]) if by_size else None,
    }


def _sizes(facts: Iterable[Fact]) -> dict[str, list[int] | None]:
    """Returns [height, width] of the images with the smallest, the median and the largest area."""
    by_area = sorted((fact.height * fact.width, fact.height, fact.width) for fact in facts)
    if not by_area:
        return {"min": None, "median": None, "max": None}
    picks = {"min": by_area[0], "median": by_area[(len(by_area) - 1) // 2], "max": by_area[-1]}
    return {name: [height, width] for name, (_, height, width) in picks.items()}
