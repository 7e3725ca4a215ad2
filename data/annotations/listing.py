"""Lists the pictures of a folder with their annotations. Annotation files are read, pictures are not.

A picture without any annotation is not one with nothing in it: perhaps nobody has looked at it yet. So it takes no part, and is
told apart from pictures that are set aside. To say that nothing is in a picture, give it an empty label file of YOLO, a VOC file
without objects, or a record in the COCO file.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data.annotations.class_lists import may_be_class_list
from data.annotations.files import COCO, FORMATS, Claim, Said, read_files, read_one
from data.annotations.matching import PARALLEL, Pictures
from data.annotations.objects import Annotated, Unfit
from data.annotations.placing import nothing_left
from data.annotations.text import shown
from data.sources.folders import (
    ImageFile,
    Rejected,
    begin_as_images,
    has_image_suffix,
    image_file,
    passed_over,
    read_root,
)
from data.sources.tree import Entry, Tree, entry_of, escaped, is_file, is_folder

SUFFIXES = (".xml", ".json", ".txt", ".yaml", ".yml", ".csv", ".md")  # of no picture
EXPECTED = "VOC XML (.xml), COCO JSON (.json) or YOLO (.txt)"


class NoAnnotations(ValueError):
    """No file annotates a picture; `broken` says why one that might cannot be read, or is ""."""

    def __init__(self, said: str, broken: str) -> None:
        super().__init__(f"{said}; {broken}" if broken else said)
        self.broken = broken


class AnnotatedListing(NamedTuple):
    """What is in a root: each picture is in one of `pictures`, `unannotated` and `rejected`; each object of an annotation is in a
    picture, in `unfit`, or in what is rejected.

    Attributes:
      formats: of the annotations: "COCO", "VOC", "YOLO".
      pictures: those with an annotation, sorted by source id.
      unannotated: those that no annotation is of.
      rejected: pictures whose annotation cannot be read, and annotations (by their own paths) whose picture is not there.
      unfit: objects that are set aside; their pictures are not, if they have others.
      class_names: those that are listed or have an object, sorted.
      annotations: the files that were read; together with the pictures they determine all of this.
      passed_over: the number of other files, by place.
      notes: what people should know.
    """

    formats: list[str]
    pictures: list[Annotated]
    unannotated: list[ImageFile]
    rejected: list[Rejected]
    unfit: list[Unfit]
    class_names: list[str]
    annotations: list[Entry]
    passed_over: dict[str, int]
    notes: list[str]


def list_annotated(root: str, annotations: str | None = None) -> AnnotatedListing:
    """Returns the pictures at any depth in a folder, and what their annotations say.

    Args:
      root: the folder.
      annotations: a file or a folder of annotations, which need not be in the root; by default they are looked for in the root.

    Raises:
      NoAnnotations (a ValueError): there are pictures, but no annotation.
      ValueError: the root or the annotations cannot be read, hold nothing, or contradict each other.
    """
    try:
        return _listed(root, annotations)
    except NoAnnotations:
        if annotations or not (beside := _annotations_beside(root)):
            raise
        return _listed(root, beside)


def _annotations_beside(root: str) -> str | None:
    """The folder of annotations that belongs to a root that is itself the folder of pictures, as labels/ to images/."""
    above, own = posixpath.split(root.rstrip("/"))
    names = [theirs for theirs, ours in PARALLEL.items() if ours == own]
    found = (name for name in names if is_folder(posixpath.join(above, name)))
    return next((posixpath.join(above, name) for name in found), None)


def _listed(root: str, annotations: str | None) -> AnnotatedListing:
    root, tree = read_root(root)
    every = [file for folder in tree.folders for file in folder.files]
    found = _pictures(tree)
    if not found:
        raise ValueError(f"{root!r} holds no picture; expected at least one (PNG, JPEG, GIF, BMP or WebP)")
    shown = {file.path for file in found}
    others = [file for file in every if file.path not in shown]
    pictures = Pictures([file._replace(relative=escaped(file.relative)) for file in found])
    said, trees = _said(annotations, others, pictures, (root, tree))
    if not any(one.match.picture or not one.told.reason for one in said.claims):
        broken = next((f"{one.told.path} {one.told.reason}" for one in said.claims), "")
        place = f"nothing in {annotations or root!r} annotates"
        raise NoAnnotations(f"{place} a picture of {root!r}: expected {EXPECTED}", broken)
    _check_once(said.claims)
    annotated, rejected = _settled(said.claims, {escaped(file.relative): file for file in found})
    if not annotated:
        first, more = min(rejected), f"; and {len(rejected) - 1:,} more" if len(rejected) > 1 else ""
        raise ValueError(
            f"no picture in {root!r} has an annotation that can be read ({first.path}: {first.reason}{more})"
        )
    for place, each in trees:
        rejected += [
            Rejected(escaped(posixpath.join(place, name)), f"the folder {why}") for name, why in each.closed.items()
        ]
    known = {one.file.path for one in annotated} | {one.path for one in rejected}
    files = [image_file("", file) for file in found]
    names = {one.class_name for picture in annotated for one in picture.told.objects} | set(said.class_names)
    return AnnotatedListing(
        sorted({one.format for one in said.claims}),
        sorted(annotated),
        sorted(file for file in files if file.path not in known),
        sorted(rejected),
        sorted([*said.unfit, *(one for picture in annotated for one in picture.told.unfit)]),
        sorted(names),
        sorted(said.used),
        _rest(trees, {escaped(file.path) for file in (*found, *said.used)} | known),
        said.notes,
    )


def _said(
    annotations: str | None, others: Sequence[Entry], pictures: Pictures, home: tuple[str, Tree]
) -> tuple[Said, list[tuple[str, Tree]]]:
    """What the annotations say, and the roots that were read."""
    if annotations is None:
        return read_files(others, pictures, home[0]), [home]
    if not is_file(annotations):
        try:
            place, tree = read_root(annotations)
        except ValueError as error:
            raise ValueError(
                f"the annotations {annotations!r} are neither a file nor a folder that can be read"
            ) from error
        files = [file for folder in tree.folders for file in folder.files if not has_image_suffix(file.relative)]
        return read_files(files, pictures, place), [home, (place, tree)]
    relative = posixpath.relpath(annotations, home[0]) if annotations.startswith(home[0].rstrip("/") + "/") else ""
    file = entry_of(annotations, relative or posixpath.basename(annotations))
    if may_be_class_list(posixpath.basename(annotations)):  # of the labels in the root
        rest = [one for one in others if one.path != file.path]
        return read_files([*rest, file._replace(relative=file.relative)], pictures), [home]
    return read_one(file, pictures), [home]


def _pictures(tree: Tree) -> list[Entry]:
    """All files that are named like pictures; where none in a folder is, those that begin like one."""
    found = []
    for folder in tree.folders:
        named = [file for file in folder.files if has_image_suffix(file.relative)]
        rest = [file for file in folder.files if not file.reason and not file.relative.lower().endswith(SUFFIXES)]
        found += named or [file for file, begins in zip(rest, begin_as_images(rest), strict=True) if begins]
    return found


def _check_once(claims: Sequence[Claim]) -> None:
    """Raises ValueError if two formats, or two COCO files, annotate the same picture."""
    best: dict[tuple[str, str], Claim] = {}  # by picture and format
    twice: dict[str, tuple[Claim, Claim]] = {}
    for one in (one for one in claims if one.match.picture):
        name = one.match.picture.relative if one.match.picture else ""
        other = best.setdefault((name, one.format), one)
        if other.match.rank < one.match.rank:
            best[name, one.format] = one
        elif other.match.rank == one.match.rank and one.format == COCO and one.told.path != other.told.path:
            twice[name] = other, one
    for (name, kind), one in best.items():
        for other in (best[name, rival] for rival in FORMATS if rival != kind and (name, rival) in best):
            twice[name] = other, one
    if twice:
        name = min(twice)
        paths = " and in ".join(f"{one.told.path!r} ({one.format})" for one in twice[name])
        more = f", and {len(twice) - 1:,} more" if len(twice) > 1 else ""
        raise ValueError(
            f"the picture {name!r} is annotated twice, in {paths}{more}: name the file or folder that counts (--annotations), or"
            " remove the others"
        )


def _settled(claims: Sequence[Claim], files: dict[str, Entry]) -> tuple[list[Annotated], list[Rejected]]:
    """The pictures with their annotations, and what is set aside. Of several that claim one, the best has it."""
    rejected: list[Rejected] = []
    of_picture: dict[str, list[Claim]] = {}
    for one in claims:
        if one.match.picture:
            of_picture.setdefault(one.match.picture.relative, []).append(one)
        else:
            reason = one.told.reason or f"{_subject(one)}{one.match.reason}: add the picture, or remove its annotation"
            rejected.append(Rejected(one.told.path, reason))
    annotated = []
    for name, rivals in of_picture.items():
        file = image_file("", files[name])
        best = max(rival.match.rank for rival in rivals)
        fitting = [rival for rival in rivals if rival.match.rank == best]
        for rival in rivals:
            if rival.match.rank != best:
                why = f"{_subject(rival)}the picture {name!r} has another annotation, {fitting[0].told.path}"
                rejected.append(Rejected(rival.told.path, f"{why}: add the picture it is of, or remove it"))
        told = fitting[0].told
        if told.reason:
            rejected.append(Rejected(file.path, f"its annotation {told.path} {told.reason}"))
        elif len(fitting) > 1:
            paths = " and ".join(sorted({rival.told.path for rival in fitting})[:2])
            rejected.append(Rejected(file.path, f"has {len(fitting)} annotations, in {paths}: expected one"))
        elif told.unfit and not told.objects:
            rejected.append(Rejected(file.path, nothing_left(told, told.unfit)))
        else:
            annotated.append(Annotated(file, told))
    return annotated, rejected


def _subject(claim: Claim) -> str:
    """What a sentence about an annotation begins with: a COCO file is of many pictures."""
    return f"of {shown(claim.told.names[0])}: " if claim.format == COCO and claim.told.names else ""


def _rest(trees: Iterable[tuple[str, Tree]], known: set[str]) -> dict[str, int]:
    """The number of files that are neither pictures nor annotations, by folder and suffix, and what folders hold no file."""
    found: Counter[str] = Counter()
    for root, tree in trees:
        found.update(passed_over(root, tree, tree.folders))
        for file in (file for folder in tree.folders for file in folder.files if escaped(file.path) not in known):
            folder, name = posixpath.split(escaped(file.path))
            suffix = posixpath.splitext(name)[1]
            found[posixpath.join(folder, f"*{suffix}") if suffix else escaped(file.path)] += 1
    return dict(sorted(found.items()))
