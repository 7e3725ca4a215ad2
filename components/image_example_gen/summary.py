"""Summarises the facts about single images as facts about the whole image set."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TypedDict

from components.fewshot.words import counted
from components.image_example_gen.duplicates import DuplicateCounts, DuplicateFile, Duplicates, LeftOut
from components.image_example_gen.facts import Fact
from components.image_example_gen.ingest import FLAGS
from components.image_example_gen.tally import SHOWN, Tally
from data.sources.splits import SPLITS, differ_by_case

REJECTED_SHOWN = 3


class SplitSummary(TypedDict):
    """The images of one split that were read; a class is given as [name, number of images that show it]."""

    classes: int
    images: int
    domains: int
    smallest_class: list[str | int] | None
    largest_class: list[str | int] | None
    empty_classes: list[str]  # all their files were set aside
    duplicates: LeftOut


class Summary(TypedDict):
    """The content of summary.json."""

    splits: dict[str, SplitSummary]
    formats: dict[str, int]  # images of each format
    policy: dict[str, int]  # images with each flag of the reading policy
    sizes: dict[str, list[int] | None]  # [height, width]
    damaged_files: list[str]  # paths of JPEGs whose data is incomplete or wrong, the first SHOWN of them
    rejected: int
    objects_rejected: int  # in images that were read
    passed_over: dict[str, int]  # number of files in each place that holds no class (`data.sources.folders.Listing`)
    differ_by_case: list[list[str]]  # classes whose names only case tells apart
    leaks: list[list[str]]  # pairs of paths, the first SHOWN of them
    leak_count: int
    duplicates: DuplicateCounts
    duplicate_files: list[list[DuplicateFile]]  # the first SHOWN pictures of duplicates.json
    fingerprint: str


def summarise(
    tally: Tally, found: Duplicates, rejected: int, passed_over: Mapping[str, int], fingerprint: str
) -> Summary:
    """Returns the content of summary.json. Its numbers are of all images that were read, duplicates among them.

    Args:
      tally: of the facts about all images.
      found: the duplicates among them.
      rejected: number of files that were set aside, while listing or reading.
      passed_over: what the listing passed over.
      fingerprint: the fingerprint of the listing.
    """
    return {
        "splits": {split: _split_summary(split, tally, found) for split in SPLITS},
        "formats": dict(sorted(tally.formats.items())),
        "policy": {flag: tally.flags[flag] for flag in FLAGS},
        "sizes": _sizes(tally),
        "damaged_files": tally.damaged,
        "rejected": rejected,
        "objects_rejected": len(tally.unfit),
        "passed_over": dict(passed_over),
        "differ_by_case": differ_by_case({name for classes in tally.images.values() for name in classes}),
        "leaks": [list(leak) for leak in found.leaks[:SHOWN]],
        "leak_count": len(found.leaks),
        "duplicates": found.total,
        "duplicate_files": found.pictures[:SHOWN],
        "fingerprint": fingerprint,
    }


def check_unique(facts: Iterable[Fact]) -> None:
    """Raises ValueError if two images of a split share a source id."""
    seen: dict[tuple[str, str], str] = {}
    for fact in facts:
        key = fact.split, fact.source_id
        if not fact.reason and key in seen:
            raise ValueError(
                f"two images of the {fact.split} split share the source id {fact.source_id!r} ({seen[key]} and"
                f" {fact.path}): give each image its own source id"
            )
        if not fact.reason:
            seen[key] = fact.path


def reject_message(rejected: Sequence[Mapping[str, str]], total: int, limit: float, report: str) -> str | None:
    """Returns the error message of a run with too many bad files, or None; `rejected` is the content of rejected.json."""
    if len(rejected) <= limit * total:
        return None
    first = "; ".join(f"{one['path']}: {one['reason']}" for one in rejected[:REJECTED_SHOWN])
    more = "; ..." if len(rejected) > REJECTED_SHOWN else ""
    return (
        f"{len(rejected):,} of {counted(total, 'file')} ({len(rejected) / total:.1%}) cannot be used, and max_reject_fraction ="
        f" {limit:g} allows {limit:.1%} ({first}{more}): see {report} for all of them; repair or remove them, or raise"
        " max_reject_fraction"
    )


def _split_summary(split: str, tally: Tally, found: Duplicates) -> SplitSummary:
    classes = {name: images for name, images in tally.images[split].items() if images}
    by_size = sorted(classes.items(), key=lambda item: (item[1], item[0]))
    return {
        "classes": len(classes),
        "images": tally.read[split],
        "domains": len(tally.domains[split]),
        "smallest_class": list(by_size[0]) if by_size else None,
        "largest_class": list(by_size[-1]) if by_size else None,
        "empty_classes": sorted(tally.images[split].keys() - classes.keys()),
        "duplicates": found.counts.get(split, {"within_class": 0, "across_classes": 0}),
    }


def _sizes(tally: Tally) -> dict[str, list[int] | None]:
    """Returns [height, width] of the images with the smallest, the median and the largest area."""
    by_area = sorted(tally.sizes)
    if not by_area:
        return {"min": None, "median": None, "max": None}
    counted = accumulate(tally.sizes[one] for one in by_area)
    middle = (tally.sizes.total() - 1) // 2
    median = next(one for one, below in zip(by_area, counted, strict=True) if below > middle)
    picks = {"min": by_area[0], "median": median, "max": by_area[-1]}
    return {name: [height, width] for name, (_, height, width) in picks.items()}
