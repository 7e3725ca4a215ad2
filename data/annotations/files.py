"""Reads the files that annotate pictures: which of those that lie there do, and what each says."""

import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple

from data.annotations.class_lists import classes_of, lists_above, may_be_class_list, read_classes
from data.annotations.coco import Coco, read_coco
from data.annotations.matching import Match, Pictures
from data.annotations.objects import Told, Unfit
from data.annotations.voc import counts_from_one, from_zero, read_voc
from data.annotations.yolo import Classes, is_labels, read_yolo
from data.sources.tree import REMOTE_REQUESTS, Entry, escaped, is_remote

FORMATS = VOC, COCO, YOLO = "VOC", "COCO", "YOLO"
MOST_BYTES = 16 * 2**20  # of a file that is of one picture
MOST_NAMES = 2**20  # bytes of a list of classes


class Claim(NamedTuple):
    """What a file in a format says of a picture, and which picture that is."""

    format: str
    told: Told
    match: Match


class Said(NamedTuple):
    """What files say together.

    Attributes:
      claims: one for each picture that a file is of.
      unfit: objects of no picture.
      used: the files that say something.
      class_names: those that are listed somewhere.
      notes: what people should know.
    """

    claims: list[Claim]
    unfit: list[Unfit]
    used: list[Entry]
    class_names: list[str]
    notes: list[str]

    def and_more(self, other: "Said") -> "Said":
        """Returns what both say."""
        return Said(
            [*self.claims, *other.claims],
            [*self.unfit, *other.unfit],
            [*self.used, *other.used],
            [*self.class_names, *other.class_names],
            [*self.notes, *other.notes],
        )


def read_files(files: Sequence[Entry], pictures: Pictures, place: str = "") -> Said:
    """Returns what those of the files say that annotate pictures; others are left alone.

    Args:
      files: by their paths below a root.
      pictures: those that may be meant.
      place: the root; if no file names the classes of YOLO, those above it are looked at.

    Raises:
      ValueError: lists of classes contradict each other.
    """
    by_suffix: dict[str, list[Entry]] = {}
    for file in files:
        by_suffix.setdefault(posixpath.splitext(file.relative)[1].lower(), []).append(file)
    lists = [file for file in files if may_be_class_list(posixpath.basename(file.relative))]
    texts = [file for file in by_suffix.get(".txt", []) if file not in lists]
    voc, yolo = _voc(by_suffix.get(".xml", []), pictures), _yolo(texts, lists, pictures, place)
    return voc.and_more(_coco(by_suffix.get(".json", []), pictures)).and_more(yolo)


def read_one(file: Entry, pictures: Pictures) -> Said:
    """Returns what one file says that was named, and has to say something.

    Raises:
      ValueError: it is no annotation.
    """
    said = read_files([file], pictures)
    broken = next(
        (one.told.reason for one in said.claims if one.told.path == escaped(file.path) and one.told.reason), ""
    )
    if not said.used:
        why = broken or "is neither VOC XML nor COCO JSON nor a label file of YOLO"
        raise ValueError(f"the annotations {file.path!r}: the file {why}; name such a file, or a folder of them")
    return said


def contents(files: Sequence[Entry], most: int | None = None) -> list[bytes | str]:
    """Returns the bytes of each file, or the reason why it cannot be read; many remote files are read at the same time.

    Args:
      most: bytes of a file; a larger one is not read.
    """

    def content(file: Entry) -> bytes | str:
        if file.reason:
            return file.reason
        if most and file.size > most:
            return f"has {file.size:,} bytes: expected at most {most:,}"
        try:
            if not is_remote(file.path):
                with open(file.path, "rb") as opened:
                    return opened.read()
            import tensorflow as tf  # takes seconds to import, and local files do not need it

            with tf.io.gfile.GFile(file.path, "rb") as remote:
                return bytes(remote.read())
        except Exception as error:  # remote ones are of many kinds
            return f"cannot be read ({getattr(error, 'strerror', None) or type(error).__name__}): make it readable"

    if not any(is_remote(file.path) for file in files):
        return [content(file) for file in files]
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        return list(pool.map(content, files))


def _voc(files: Sequence[Entry], pictures: Pictures) -> Said:
    read: list[tuple[Entry, Told]] = []
    for file, content in zip(files, contents(files, MOST_BYTES), strict=True):
        path = escaped(file.path)
        told = Told(path, reason=content) if isinstance(content, str) else read_voc(content, path)
        if told:
            read.append((file, told))
    from_one = counts_from_one(told for _, told in read)
    claims = []
    for file, told in read:
        told = from_zero(told) if from_one else told
        claims.append(Claim(VOC, told, pictures.beside(escaped(file.relative), told.names)))
    notes = ["VOC: pixels are counted from 1 here, because boxes begin at 1 and none at 0"] if from_one else []
    return Said(claims, [], [file for file, told in read if not told.reason], [], notes)


def _coco(files: Sequence[Entry], pictures: Pictures) -> Said:
    claims: list[Claim] = []
    every: list[tuple[Entry, Coco]] = []
    for file in files:  # one after another, because one may fill much of the memory
        (content,) = contents([file])
        path = escaped(file.path)
        try:
            if isinstance(content, str):
                raise ValueError(content)
            found = read_coco(content, path)
        except ValueError as error:
            claims.append(Claim(COCO, Told(path, reason=str(error)), Match(None)))
            continue
        if found:
            claims += [Claim(COCO, told, pictures.named(escaped(file.relative), told.names)) for told in found.pictures]
            every.append((file, found._replace(pictures=[])))
    return Said(
        claims,
        [one for _, found in every for one in found.unfit],
        [file for file, _ in every],
        [name for _, found in every for name in found.class_names],
        [note for _, found in every for note in found.notes],
    )


def _yolo(files: Sequence[Entry], lists: Sequence[Entry], pictures: Pictures, place: str) -> Said:
    """Texts are labels if one of them looks like it, or if there are names of classes and one lies beside a picture."""
    matches = [pictures.beside(escaped(file.relative), ()) for file in files]
    read = contents(files, MOST_BYTES)
    alike = [isinstance(content, bytes) and is_labels(content) for content in read]
    classes = _classes(lists) if files else []
    above = lists_above(place) if any(alike) and place and not classes else []
    classes += _classes(above)
    if not any(alike) and not (classes and any(match.picture for match in matches)):
        return Said([], [], [], [], [])
    folders = {posixpath.dirname(file.relative) for file, match in zip(files, matches, strict=True) if match.picture}
    claims, used, names = [], [], set[str]()
    its_classes = cache(partial(classes_of, lists=classes))
    for file, content, match, is_alike in zip(files, read, matches, alike, strict=True):
        folder, path = posixpath.dirname(file.relative), escaped(file.path)
        blank = not isinstance(content, str) and not content.strip()
        if not (match.picture or is_alike or (blank and folder in folders)):
            continue  # a text of another kind, such as a README
        its = its_classes(folder)
        told = Told(path, reason=content) if isinstance(content, str) else read_yolo(content, path, its)
        claims.append(Claim(YOLO, told, match))
        used += [] if told.reason else [file]
        names |= set(its.names.values())
    listed = {one.path for _, one in classes}
    used += [file for file in (*lists, *above) if escaped(file.path) in listed]
    notes = [f"YOLO: the classes are named by {one.path}, above the folder" for one in above]
    if not classes:
        notes.append("YOLO: neither classes.txt nor data.yaml names the classes: each is called by its number")
    return Said(claims, [], used, sorted(names), notes)


def _classes(files: Sequence[Entry]) -> list[tuple[str, Classes]]:
    """The folder and the classes of each list.

    Raises:
      ValueError: one cannot be read.
    """
    found = []
    for file, content in zip(files, contents(files, MOST_NAMES), strict=True):
        if isinstance(content, str):
            raise ValueError(f"the names of classes in {escaped(file.path)!r}: the file {content}")
        classes = read_classes(content, escaped(file.path))
        if classes:
            found.append((posixpath.dirname(file.relative), classes))
    return found
