"""Images with boxes, divided into splits by the classes of their objects.

An image whose objects include a test class is on the side of the test, whatever else it holds: in training, that object would be
background. Likewise for validation. Objects of another side's classes stay in their image as strangers.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from data.annotations.listing import AnnotatedListing, list_annotated
from data.annotations.objects import Told, Unfit, Written
from data.settings import ImageSetSettings
from data.sources.dealing import LEAST, dealt, held_out
from data.sources.folders import ImageFile, Listing, Rejected
from data.sources.ledger import sides_of
from data.sources.sides import check_shared
from data.sources.splits import SPLITS, check_disjoint, some, split_lists

UNANNOTATED = "pictures without an annotation"  # of which nobody has said that nothing is in them


class SceneSet(NamedTuple):
    """The images of each split, sorted by source id, and what belongs to none; as `data.sources.image_sets.ImageSet`.

    Attributes:
      splits: each file carries its annotation.
      rejected: files that are set aside, and objects of annotations, with the reasons.
      passed_over: the number of files in each place that are neither images nor annotations.
      classes: the images that an object of each class is in, by split.
    """

    splits: dict[str, list[ImageFile]]
    rejected: list[Rejected]
    passed_over: dict[str, int]
    classes: dict[str, Counter[str]]


class Said(NamedTuple):
    """What `ImageFile.annotation` says: the annotation, and which of its classes are of another side."""

    told: Told
    strangers: frozenset[str]


def list_scenes(settings: ImageSetSettings) -> SceneSet:
    """Returns the images of folders (`train_dir` ...), of class lists (`images` and `splits`), or of classes that are dealt.

    Raises:
      ValueError: a folder cannot be read or holds no annotated image, or the test has no class of its own.
    """
    named = settings.way_named == "folders"
    found = _of_folders(settings) if named else {"": _of_images(settings)}
    sides = sides_of_classes(
        settings, {split: _images(one.told for one in had.pictures) for split, had in found.items()}
    )
    splits: dict[str, list[ImageFile]] = {split: [] for split in SPLITS}
    classes = {split: Counter[str]() for split in SPLITS}
    for split, listing in found.items():
        for one in listing.pictures:
            side = side_of(split, one.told, sides)
            own = classes_of(one.told) & sides[side]
            classes[side].update(own)
            splits[side].append(one.file._replace(annotation=written(one.told, sides[side])))
    rejected = sorted(one for listing in found.values() for one in listing.rejected)
    passed = {place: count for listing in found.values() for place, count in listing.passed_over.items()}
    if unannotated := sum(len(listing.unannotated) for listing in found.values()):
        passed[UNANNOTATED] = unannotated
    return SceneSet({split: sorted(files) for split, files in splits.items()}, rejected, passed, classes)


def list_all_scenes(root: str, *more: str, annotations: str | None = None) -> Listing:
    """Returns the images of folders, and all their objects as those of one side.

    Raises:
      ValueError: a folder cannot be read or holds no annotated image.
    """
    found = _of_images(ImageSetSettings(kind="detection", images=[root, *more], annotations=annotations))
    files = [one.file._replace(annotation=written(one.told, classes_of(one.told))) for one in found.pictures]
    unannotated = {UNANNOTATED: len(found.unannotated)} if found.unannotated else {}
    return Listing(sorted(files), sorted(found.rejected), found.passed_over | unannotated)


def read_annotation(annotation: str) -> Said:
    """What the annotation of an `ImageFile` says."""
    told, strangers = json.loads(annotation)
    fields = dict(zip(Told._fields, told, strict=True))
    fields["names"] = tuple(fields["names"])
    fields["objects"] = tuple(Written(*one) for one in fields["objects"])
    fields["unfit"] = tuple(Unfit(*one) for one in fields["unfit"])
    return Said(Told(**fields), frozenset(strangers))


def written(told: Told, own: Collection[str]) -> str:
    """The annotation of an `ImageFile` on the side of the classes `own`; `read_annotation` is its inverse."""
    return json.dumps([told, sorted(classes_of(told) - set(own))], ensure_ascii=False)


def classes_of(told: Told) -> set[str]:
    """The classes that an annotation says to be there, but for crowds."""
    return {one.class_name for one in told.objects if not one.ignored}


def side_of(split: str, told: Told, sides: Mapping[str, set[str]]) -> str:
    """The side of an image: that of the test if one of its objects is of a test class, and so on.

    Args:
      split: where it was found: what is named as validation or test set stays there.
      told: its annotation.
      sides: the classes of each.
    """
    if split in ("val", "test"):
        return split
    names = {one.class_name for one in told.objects}
    return next((side for side in ("test", "val") if names & sides[side]), "train")


def _of_folders(settings: ImageSetSettings) -> dict[str, AnnotatedListing]:
    roots = {"train": settings.train_dir, "val": settings.val_dir, "test": settings.test_dir}
    found = {split: list_annotated(root) for split, root in roots.items() if root}
    check_shared((f"{split}_dir {roots[split]!r}", _files(one)) for split, one in found.items())
    return found


def _of_images(settings: ImageSetSettings) -> AnnotatedListing:
    """The images of all roots; if two hold the same relative path, the second source id ends in "@2"."""
    listings = [list_annotated(root, settings.annotations) for root in settings.images]
    check_shared((f"the folder {root!r}", _files(one)) for root, one in zip(settings.images, listings, strict=True))
    first, *others = listings
    if not others:
        return first
    seen: Counter[str] = Counter()
    pictures = []
    for one in (one for listing in listings for one in listing.pictures):
        seen[one.file.source_id] += 1
        again = seen[one.file.source_id]
        own = one.file.source_id if again == 1 else f"{one.file.source_id}@{again}"
        pictures.append(one._replace(file=one.file._replace(source_id=own)))
    return first._replace(
        pictures=sorted(pictures),
        unannotated=[file for one in listings for file in one.unannotated],
        rejected=[file for one in listings for file in one.rejected],
        unfit=[unfit for one in listings for unfit in one.unfit],
        passed_over={place: count for one in listings for place, count in one.passed_over.items()},
    )


def sides_of_classes(settings: ImageSetSettings, images: Mapping[str, Mapping[str, int]]) -> dict[str, set[str]]:
    """The classes of each split.

    Args:
      settings: how the data is named.
      images: the number of images that hold each class, of each split as it is named, or of all together ("").

    Raises:
      ValueError: the test has no class of its own, a class in the lists has no object, or one is in two of them.
    """
    sides = _sides(settings, images)
    check_disjoint(sides)
    return sides


def _sides(settings: ImageSetSettings, images: Mapping[str, Mapping[str, int]]) -> dict[str, set[str]]:
    share = settings.validation_share
    if settings.splits:
        lists = {split: set(names) for split, names in split_lists(settings.splits).items()}
        if missing := sorted({name for names in lists.values() for name in names} - set(images[""])):
            raise ValueError(
                f"{len(missing):,} classes in {settings.splits!r} have no object ({some(missing)}): correct the names; there are"
                f" {some(sorted(images['']))}"
            )
        return _validated(lists, images[""], share)
    if "" in images:
        known = images[""]
        return sides_of(settings.sides, known, share) if settings.sides else dealt(known, share)
    sides: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        if split in images:
            sides[split] = set(images[split]) - {name for names in sides.values() for name in names}
    if not sides["test"]:
        raise ValueError(
            f"all {len(images['test'])} classes of the test set {settings.test_dir or settings.test_tfrecord!r} are in the train"
            " set too: a test of few shots needs classes that training has not seen; name all images by --images, and classes are"
            " dealt to the sides"
        )
    return _validated(sides, images["train"], share)


def _validated(sides: dict[str, set[str]], images: Mapping[str, int], share: float) -> dict[str, set[str]]:
    """The sides with validation classes, held out from those of train where none are named."""
    if "val" in sides:
        return sides
    train = {name: count for name, count in images.items() if name in sides["train"]}
    val = held_out(train, share, LEAST["val"])
    return sides | {"train": set(train) - val, "val": val}


def _images(annotations: Iterable[Told]) -> Counter[str]:
    """The number of images that hold each class."""
    return Counter(name for told in annotations for name in classes_of(told))


def _files(listing: AnnotatedListing) -> Sequence[ImageFile]:
    return [one.file for one in listing.pictures]
