"""Lists the images of every split of an image set, without reading them."""

import posixpath
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from data.settings import ImageSetSettings
from data.sources.dealing import LEAST, dealt, held_out
from data.sources.folders import ImageFile, Listing, Rejected, list_folder
from data.sources.ledger import sides_of
from data.sources.sides import check_shared
from data.sources.splits import SPLITS, check_disjoint, some, split_lists
from data.spans import Which, is_pattern, spans_of


class ImageSet(NamedTuple):
    """The images of each split ("train", "val", "test"), sorted by class and source id, and what belongs to none.

    `rejected` and `passed_over` are those of all roots, as `data.sources.folders.Listing` has them.
    """

    splits: dict[str, list[ImageFile]]
    rejected: list[Rejected]
    passed_over: dict[str, int]

    @property
    def classes(self) -> dict[str, Counter[str]]:
        """The number of images of each class, by split."""
        return {split: Counter(file.class_name for file in files) for split, files in self.splits.items()}


def list_image_set(settings: ImageSetSettings) -> ImageSet:
    """Returns the images of folders (`train_dir` ...), of class lists (`images` and `splits`), or of classes that are dealt.

    Raises:
      ValueError: a folder cannot be read or holds no class, a listed class is in no folder, or a class or a file is in two
        splits or roots.
    """
    if settings.way_named == "folders":
        listed = _from_folders(settings)
    elif settings.deals:
        listed = _from_images(settings)
    elif settings.way_named == "lists":
        listed = _from_lists(settings)
    else:
        raise ValueError("expected folders or class lists, got TFRecords: use data.sources.records for them")
    if "val" not in listed.splits:
        listed.splits.update(carve_validation(listed.splits["train"], settings.validation_share))
    check_disjoint({split: {file.class_name for file in files} for split, files in listed.splits.items()})
    return listed._replace(splits={split: listed.splits[split] for split in SPLITS})


def list_roots(roots: Sequence[str], spans: Which = "all") -> Listing:
    """Returns the images of several roots together. If two hold the same relative path, the second source id ends in "@2".

    Args:
      roots: folders, or patterns of spans.
      spans: which spans of a pattern are read. Their source ids begin with the name of the span.

    Raises:
      ValueError: a root cannot be read or holds no class, or a file is in two of them.
    """
    listings = [_list_root(root, spans) for root in roots]
    check_shared((f"the folder {root!r}", one.files) for root, one in zip(roots, listings, strict=True))
    return _together(listings)


def _list_root(root: str, which: Which) -> Listing:
    if not is_pattern(root):
        return list_folder(root)
    spans = spans_of(root, which)
    listings = [(span, list_folder(span.path, may_be_empty=True)) for span in spans]
    check_shared((f"the span {span.path!r}", one.files) for span, one in listings)
    files = [
        file._replace(source_id=posixpath.join(span.label, file.source_id))
        for span, one in listings
        for file in one.files
    ]
    if not files:
        raise ValueError(f"{len(spans):,} folders fit {root!r}, and none of them holds a class")
    every = _together([one for _, one in listings])
    return every._replace(files=sorted(files))


def carve_validation(train: Iterable[ImageFile], share: float) -> dict[str, list[ImageFile]]:
    """Returns the train images, divided by class into {"train": ..., "val": ...}."""
    files = list(train)
    images = Counter(file.class_name for file in files)
    val = held_out(images, share, LEAST["val"])
    return _divided(files, {"train": set(images) - val, "val": val})


def _from_folders(settings: ImageSetSettings) -> ImageSet:
    roots = {"train": settings.train_dir, "val": settings.val_dir, "test": settings.test_dir}
    listings = {split: list_folder(root) for split, root in roots.items() if root}
    check_shared((f"{split}_dir {roots[split]!r}", one.files) for split, one in listings.items())
    beside = _beside_files([*listings.values()])
    return ImageSet({split: one.files for split, one in listings.items()}, *beside)


def _from_images(settings: ImageSetSettings) -> ImageSet:
    every = list_roots(settings.images, settings.spans)
    images, share = Counter(file.class_name for file in every.files), settings.validation_share
    sides = sides_of(settings.sides, images, share) if settings.sides else dealt(images, share)
    return ImageSet(_divided(every.files, sides), every.rejected, every.passed_over)


def _from_lists(settings: ImageSetSettings) -> ImageSet:
    lists = split_lists(settings.splits or "")
    check_disjoint(lists)
    listings = [_list_root(root, settings.spans) for root in settings.images]
    wanted = {name for names in lists.values() for name in names}
    used = [[file for file in one.files if file.class_name in wanted] for one in listings]
    check_shared((f"the root {root!r}", files) for root, files in zip(settings.images, used, strict=True))
    every = _together(listings)
    by_class: dict[str, list[ImageFile]] = {}
    for file in every.files:
        by_class.setdefault(file.class_name, []).append(file)
    missing = sorted(name for name in wanted if name not in by_class)
    if missing:
        raise ValueError(
            f"{len(missing):,} of the {len(wanted):,} classes in {settings.splits!r} are in none of the roots"
            f" {some(settings.images)} ({some(missing)}); the name of a class is its path below the root, such as"
            f" {min(by_class)!r}: correct the names or add the root that holds them"
        )
    splits = {split: [file for name in sorted(names) for file in by_class[name]] for split, names in lists.items()}
    check_shared((f"the {split} classes of {settings.splits!r}", files) for split, files in splits.items())
    return ImageSet(splits, every.rejected, every.passed_over)


def _divided(files: Sequence[ImageFile], sides: Mapping[str, set[str]]) -> dict[str, list[ImageFile]]:
    return {split: [file for file in files if file.class_name in names] for split, names in sides.items()}


def _together(listings: Sequence[Listing]) -> Listing:
    if len(listings) == 1:
        return listings[0]
    seen: Counter[str] = Counter()
    files = []
    for file in (file for one in listings for file in one.files):
        seen[file.source_id] += 1
        again = seen[file.source_id]
        files.append(file if again == 1 else file._replace(source_id=f"{file.source_id}@{again}"))
    return Listing(sorted(files), *_beside_files(listings))


def _beside_files(listings: Sequence[Listing]) -> tuple[list[Rejected], dict[str, int]]:
    """What several roots hold beside the images: rejected and passed over."""
    passed_over = dict(sorted(ChainMap(*(one.passed_over for one in listings)).items()))
    return sorted(one for listing in listings for one in listing.rejected), passed_over
