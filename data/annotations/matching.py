"""Finds the picture that an annotation is of.

Annotations name pictures by the folders of another machine, or not at all, and lie beside the pictures or in a tree of their own.
So a picture is found by its name, and of several with this name that one is meant whose folder fits best.
"""

import posixpath
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from data.annotations.text import shown
from data.sources.folders import has_image_suffix
from data.sources.tree import Entry

# Folders whose names differ by this only belong together, as Ultralytics has them, and PASCAL VOC.
PARALLEL = {"labels": "images", "annotations": "images", "Annotations": "JPEGImages"}

Rank = tuple[object, ...]


class Match(NamedTuple):
    """The picture of an annotation and how well it fits, or else why there is none."""

    picture: Entry | None
    rank: Rank = ()
    reason: str = ""


class Pictures:
    """The pictures below a root, looked up by name.

    Args:
      pictures: by their paths below the root.
    """

    def __init__(self, pictures: Sequence[Entry]) -> None:
        self._by_path: dict[str, list[Entry]] = {}
        self._by_place: dict[str, list[Entry]] = {}  # path without suffix
        self._by_stem: dict[str, list[Entry]] = {}
        self._folders = {posixpath.dirname(_plain(one.relative)) for one in pictures}
        for one in pictures:
            self._by_path.setdefault(_plain(one.relative), []).append(one)
            self._by_place.setdefault(_plain(_stem(one.relative)), []).append(one)
            self._by_stem.setdefault(_plain(_stem(posixpath.basename(one.relative))), []).append(one)

    def beside(self, annotation: str, names: Sequence[str]) -> Match:
        """Returns the picture of a file that annotates one: it has the same name but for the suffix, or the name that is told.

        A file in a folder with pictures is of one of them, or of none.

        Args:
          annotation: path of the file below the root, or below a root of its own.
          names: as of `Told`.
        """
        folder, own = posixpath.split(_plain(_stem(annotation)))
        called = [*names, _stem(annotation)]
        for place in (folder, *_parallel(folder)):
            if found := self._by_place.get(posixpath.join(place, own)):
                return _best(found, folder, called, 3)
        stem = _stem(posixpath.basename(annotation))
        names = [*names, *([stem] if has_image_suffix(stem) else [])]  # of a.jpg in a.jpg.txt
        if folder and folder in self._folders:
            for name in names:
                if found := self._by_place.get(posixpath.join(folder, _stem(posixpath.basename(_plain(name))))):
                    return _best(found, folder, [name], 1)
            return Match(None, reason=f"no picture beside it is called {' or '.join(map(shown, [stem, *names[:1]]))}")
        if found := self._by_stem.get(own):
            return _best(found, folder, called, 2)
        return self.named(annotation, names or [stem])

    def named(self, annotation: str, names: Sequence[str]) -> Match:
        """Returns the picture that a file calls by a name; another suffix will do if nothing has that of the name."""
        folder = posixpath.dirname(_plain(annotation))
        about = posixpath.join(folder, _plain(_stem(posixpath.basename(annotation))))
        for name in names:
            path, stem = _plain(name), _stem(posixpath.basename(_plain(name)))
            if exact := self._by_path.get(posixpath.normpath(posixpath.join(folder, path))):
                return _best(exact, about, [name], 2)
            found = self._by_stem.get(stem, [])
            same = [one for one in found if posixpath.basename(_plain(one.relative)) == posixpath.basename(path)]
            if same or found:
                return _best(same or found, about, [name], 1 if same else 0)
        return Match(None, reason=f"no picture is called {' or '.join(map(shown, names[:1]))}")


def _best(found: Sequence[Entry], folder: str, names: Sequence[str], by: int) -> Match:
    """The picture with the highest rank, unless two have it; `by` goes before all else."""
    ranked = [(_rank(one, folder, names), one) for one in found]
    rank, best = max(ranked, key=lambda one: one[0])
    if others := [one for how, one in ranked if how == rank and one is not best]:
        both = sorted((best.relative, others[0].relative))
        return Match(
            None, reason=f"both {both[0]!r} and {both[1]!r} could be its picture: rename one, or say its folder"
        )
    return Match(best, (by, *rank))


def _rank(picture: Entry, folder: str, names: Sequence[str]) -> Rank:
    """How well a picture fits: folders that its names agree in, whether it has one of them, and then folders that are alike."""
    place, own = posixpath.split(_plain(picture.relative))
    told = [posixpath.split(_plain(name)) for name in names]
    agreeing = max((_common(place.split("/")[::-1], where.split("/")[::-1]) for where, _ in told if where), default=0)
    ours, theirs = place.split("/"), folder.split("/")
    alike = _common(ours, theirs) + _common(ours[::-1], theirs[::-1])
    part = bool(ours[-1]) and ours[-1] in theirs[-1]  # instances_train2017.json is of train2017/
    file = posixpath.basename(picture.relative)
    as_written = {posixpath.basename(name) for name in names} & {file, _stem(file)}
    return agreeing, any(own == name for _, name in told), alike, part, bool(as_written)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    same = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours != theirs:
            break
        same += 1
    return same


def _parallel(folder: str) -> list[str]:
    """Folders of pictures that belong to one of annotations: the last part that is called so has another name there."""
    parts = folder.split("/")
    found = []
    for theirs, ours in PARALLEL.items():
        for place in range(len(parts) - 1, -1, -1):
            if parts[place] == _plain(theirs):
                found.append("/".join((*parts[:place], _plain(ours), *parts[place + 1 :])))
                break
    return found


def _stem(path: str) -> str:
    return posixpath.splitext(path)[0]


def _plain(path: str) -> str:
    """A path as it is compared: file systems differ in case, and in how they write accents."""
    return unicodedata.normalize("NFC", path).casefold()
