"""The image set of a run, whatever its kind of task: which images are on each side, and of which classes."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, Protocol

from data.annotations.listing import list_annotated
from data.annotations.scenes import list_scenes
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Rejected, domain_of
from data.sources.image_sets import list_image_set
from data.sources.ledger import remember
from data.sources.splits import SPLITS


class Listed(Protocol):
    """A listed image set."""

    @property
    def splits(self) -> dict[str, list[ImageFile]]:
        """The images of each split, sorted by source id."""

    @property
    def rejected(self) -> list[Rejected]:
        """Files that are set aside."""

    @property
    def passed_over(self) -> dict[str, int]:
        """The number of files in each place that holds none of the images."""

    @property
    def classes(self) -> dict[str, Counter[str]]:
        """The number of images that show each class, by split."""


MAY_ANNOTATE = (".xml", ".json", ".txt")  # what the names of annotations end with


LISTINGS: dict[str, Callable[[ImageSetSettings], Listed]] = {
    "classification": list_image_set,
    "detection": list_scenes,
}


def kind_of(root: str) -> Literal["classification", "detection"]:
    """Returns the kind of task that the images in a local folder are for: detection if annotations of them lie there."""
    if not any(name.lower().endswith(MAY_ANNOTATE) for _, _, names in os.walk(root) for name in names):
        return "classification"  # found out by names alone, for there may be a million images
    try:
        list_annotated(root)
    except ValueError:  # there are none, or it cannot be read: whoever reads it as classes says why
        return "classification"
    return "detection"


def listing_of(settings: ImageSetSettings) -> Listed:
    """Lists the images of folders or class lists, without opening them.

    Raises:
      ValueError: they cannot be read, or their classes are on two sides.
    """
    return LISTINGS[settings.kind](settings)


def listing_fingerprint(splits: Mapping[str, Iterable[ImageFile]]) -> str:
    """Returns 16 hex digits, made from split, class, source id, size and modification time of every image, and from what its
    annotation says of it."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for file in splits[split]:
            told = f"\0{file.annotation}" if file.annotation else ""
            place = f"{split}\0{file.class_name}\0{file.source_id}\0{file.size}\0{file.mtime_ns}{told}\n"
            digest.update(place.encode())
    return digest.hexdigest()[:16]


def remember_sides(settings: ImageSetSettings, listed: Listed) -> None:
    """Keeps the sides of the classes that were listed in `settings.sides`, if it names a file."""
    if settings.sides:
        remember(settings.sides, sum(listed.classes.values(), Counter[str]()), settings.validation_share)


def class_counts(settings: ImageSetSettings) -> dict[str, list[tuple[str, str, int]]]:
    """Returns (class name, its domain, number of images) for each split. Folders are only listed, but TFRecords are read."""
    if settings.way_named != "records":
        return {split: _named(counts) for split, counts in listing_of(settings).classes.items()}
    if settings.kind == "detection":
        from data.annotations.record_scenes import record_sides  # imports TensorFlow, which folders do not need

        return {split: _named(counts) for split, counts in record_sides(settings).classes.items()}
    from data.sources.records import record_counts  # as above

    return record_counts(settings)


def fingerprint(settings: ImageSetSettings, splits: Collection[str] = SPLITS) -> str:
    """Returns 16 hex digits that change when an image or a TFRecord file of `splits` is added, removed, renamed or rewritten."""
    if settings.way_named == "records":
        from data.sources.records import record_listing  # as above

        listing = record_listing(settings)
    else:
        listing = listing_of(settings).splits
    return listing_fingerprint({split: files if split in splits else () for split, files in listing.items()})


def _named(counts: Mapping[str, int]) -> list[tuple[str, str, int]]:
    return [(name, domain_of(name), images) for name, images in sorted(counts.items())]
