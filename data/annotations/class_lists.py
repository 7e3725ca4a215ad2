"""The names of YOLO's classes: a list in a text file, or the `names` of a YAML file."""

import os
import posixpath
from collections.abc import Iterable

import yaml

from data.annotations.text import decoded, number, shown
from data.annotations.yolo import NO_CLASSES, Classes, class_names
from data.sources.tree import Entry, entry_of, is_file, is_remote

TEXTS = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt")
SUFFIXES = (".yaml", ".yml", ".names", ".labels")
MAIN = "data.yaml"
ABOVE = 2  # as of set/train/images


def lists_above(place: str) -> list[Entry]:
    """Returns the files of names in the nearest folder above one that has any: where a root is one split of a set.

    Args:
      place: a folder. `ABOVE` folders are looked into.
    """
    place = place if is_remote(place) else os.path.abspath(place)
    for _ in range(ABOVE):
        place = posixpath.dirname(place.rstrip("/"))
        if place.endswith(":"):  # gs://bucket has nothing above
            break
        if found := [name for name in (MAIN, *TEXTS) if is_file(posixpath.join(place, name))]:
            return [entry_of(posixpath.join(place, name), name) for name in found]
    return []


def may_be_class_list(name: str) -> bool:
    """Returns whether a file is one of names by its own name."""
    return name.lower() in TEXTS or name.lower().endswith(SUFFIXES)


def read_classes(content: bytes, path: str) -> Classes | None:
    """Returns the classes that a file lists, or None if it lists none.

    Raises:
      ValueError: it is called data.yaml, and is not YAML.
    """
    name = posixpath.basename(path).lower()
    if not name.endswith((".yaml", ".yml")):
        return Classes(class_names(decoded(content).splitlines()), path)
    try:
        said = yaml.safe_load(decoded(content))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        if name != MAIN:
            return None
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"{path!r} is not YAML{where}, but it should name the classes: correct it") from error
    names = class_names(said.get("names")) if isinstance(said, dict) else {}
    return Classes(names, path, _key_points(said.get("kpt_shape"))) if names else None


def classes_of(folder: str, lists: Iterable[tuple[str, Classes]]) -> Classes:
    """Returns the classes of the label files in a folder: those of the nearest list above, or else of any.

    Args:
      folder: its path below the root.
      lists: the folder and the classes of each list that was found.

    Raises:
      ValueError: two lists contradict each other.
    """
    every = sorted(lists, key=lambda one: (-len(one[0]), one[1].path))
    above = [classes for place, classes in every if f"{folder}/".startswith(f"{place}/" if place else "")]
    meant = above or [classes for _, classes in every]
    for one in meant[1:]:
        wrong = [key for key, name in one.names.items() if meant[0].names.get(key, name) != name]
        if wrong:
            first, other = shown(meant[0].names[wrong[0]]), shown(one.names[wrong[0]])
            raise ValueError(
                f"class {wrong[0]} is {first} in {meant[0].path!r}, and {other} in {one.path!r}: correct or remove one"
            )
    return max(meant, key=lambda one: (one.key_points is not None, len(one.names)), default=NO_CLASSES)


def _key_points(shape: object) -> tuple[int, int] | None:
    """The number of key points of an object, and the numbers of each."""
    sizes = [number(one) for one in shape] if isinstance(shape, list) and len(shape) == 2 else []
    return (int(sizes[0]), int(sizes[1])) if len(sizes) == 2 and sizes[0] and sizes[1] else None
