"""Reads from a file which class is in which split, and compares splits."""

import json
import os
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TypeGuard

SPLITS = ("train", "val", "test")
SHOWN = 3  # names in a message


def split_lists(reference: str) -> dict[str, list[str]]:
    """Reads the class lists of `file.json`, or of `file.json#name` if the file holds several named splits.

    Returns:
      {"train": [...], "test": [...]}, and "val" if the file has it. Names are in Unicode normal form C.

    Raises:
      ValueError: the file cannot be read, has another form, names a class twice, or has no split of that name.
    """
    path, name = reference, ""
    if "#" in reference and not os.path.exists(reference):
        path, name = reference.rsplit("#", 1)
    content = _read_json(path)
    if name:
        if not isinstance(content, dict) or name not in content:
            raise ValueError(f"{path!r} has no split named {name!r}: {_names_in(content)}")
        content = content[name]
    if not _is_split(content):
        raise ValueError(
            f'{reference!r} should hold {{"train": [class, ...], "val": [...], "test": [...]}} (val is optional);'
            f" {_names_in(content)}"
        )
    lists = {
        split: [unicodedata.normalize("NFC", one) for one in content[split]] for split in SPLITS if split in content
    }
    for split, classes in lists.items():
        twice = sorted({one for one in classes if classes.count(one) > 1}) if len(set(classes)) < len(classes) else []
        if twice:
            raise ValueError(f"{reference!r} names {some(twice)} more than once in {split!r}: name each class once")
    return lists


def check_disjoint(classes: Mapping[str, Iterable[str]]) -> None:
    """Raises ValueError if a class is in more than one split of {split: class names}."""
    sides = {split: set(names) for split, names in classes.items()}
    for one, other in combinations(sides, 2):
        both = sorted(sides[one] & sides[other])
        if both:
            raise ValueError(
                f"{count(len(both), 'class', 'classes')} in both {one} and {other} ({some(both)}): a class may be in"
                " one split only: move or rename them"
            )


def differ_by_case(names: Iterable[str]) -> list[list[str]]:
    """Returns the class names that only case tells apart, those that are alike together, sorted."""
    alike: dict[str, set[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), set()).add(name)
    return sorted(sorted(found) for found in alike.values() if len(found) > 1)


def some(names: Iterable[str]) -> str:
    """Returns the first few names, quoted."""
    every = list(names)
    return ", ".join(repr(name) for name in every[:SHOWN]) + (", ..." if len(every) > SHOWN else "")


def count(number: int, one: str, many: str) -> str:
    """Returns "1 class stands" or "2 classes stand"."""
    return f"{number:,} {one} stands" if number == 1 else f"{number:,} {many} stand"


def _read_json(path: str) -> object:
    try:
        if "://" in path:
            import tensorflow as tf  # only remote paths need it

            with tf.io.gfile.GFile(path) as file:
                return json.loads(file.read())
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"the splits file {path!r} cannot be read ({reason}): correct the path") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"the splits file {path!r} is not JSON ({where}): correct the file") from error


def _is_split(content: object) -> TypeGuard[dict[str, list[str]]]:
    if not isinstance(content, dict) or not {"train", "test"} <= set(content) <= set(SPLITS):
        return False
    return all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in content.values())


def _names_in(content: object) -> str:
    named = sorted(key for key, value in content.items() if _is_split(value)) if isinstance(content, dict) else []
    if named:
        return f"choose one of its named splits with '#': {', '.join(named)}"
    return (
        f"it holds the keys {', '.join(map(str, content)) or 'none'}"
        if isinstance(content, dict)
        else "it holds a list"
    )
