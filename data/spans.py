"""Folders that arrive one after another, by a pattern: `photos/span-{SPAN}`, or `photos/{YYYY}-{MM}-{DD}`.

The names between braces are those of TFX. A span is a number, or a day, which is the number of days since 1970; of several
versions (`{VERSION}`) of a span only the newest counts.
"""

import datetime
import os
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

PARTS = {"SPAN": r"\d+", "VERSION": r"\d+", "YYYY": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}"}
DAY = ("YYYY", "MM", "DD")
_BRACES = re.compile(r"\{([^{}]*)\}")

Which = Literal["all", "newest"] | int
"""Spans to read: all, the newest, or so many of the newest."""


class Span(NamedTuple):
    """A folder that fits a pattern; `label` is its path below the part of the pattern that is the same for all."""

    number: int
    version: int
    label: str
    path: str


def is_pattern(path: str) -> bool:
    """Whether a path stands for spans."""
    return any(name in PARTS for name in _BRACES.findall(path))


def check_pattern(pattern: str) -> None:
    """Raises ValueError if nobody could tell which span a folder that fits is."""
    names = _BRACES.findall(pattern)
    wrong = next((name for name in names if name not in PARTS or names.count(name) > 1), None)
    if wrong is not None:
        raise ValueError(f"expected each of {', '.join(f'{{{name}}}' for name in PARTS)} at most once, got {pattern!r}")
    if ("SPAN" in names) == bool(set(names) & set(DAY)) or set(names) & set(DAY) not in (set(), set(DAY)):
        raise ValueError(f"expected {{SPAN}}, or {{YYYY}}, {{MM}} and {{DD}} together, got {pattern!r}")


def spans_of(pattern: str, which: Which = "all") -> list[Span]:
    """Returns the spans of a pattern that are there, by their numbers, of those the ones that are asked for.

    Raises:
      ValueError: the pattern is none, or no folder fits it.
    """
    check_pattern(pattern)
    start, *steps = _steps(pattern)
    found = [("", start)]
    for step in steps:
        found = [
            (posixpath.join(label, name), posixpath.join(path, name))
            for label, path in found
            for name in _folders(path)
            if re.fullmatch(_expression(step), name)
        ]
    spans = sorted(_span(label, path, "/".join(steps)) for label, path in found)
    if not spans:
        raise ValueError(f"no folder fits {pattern!r}: expected such as {_example(pattern)!r}")
    newest = list({span.number: span for span in spans}.values())  # of the versions of a span the last
    count = which if isinstance(which, int) else {"all": len(newest), "newest": 1}[which]
    return newest[-count:]


def labels_in(source_ids: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Returns the labels of the spans that some images came in, sorted. Their source ids begin with it."""
    steps = ["/".join(_steps(pattern)[1:]) for pattern in patterns if is_pattern(pattern)]
    starts = [re.compile(f"{_expression(step)}(?=/)") for step in steps]
    found = (match[0] for source_id in source_ids for start in starts if (match := start.match(source_id)))
    return sorted(set(found))


def came_in(labels: Iterable[str]) -> Callable[[str], bool]:
    """Returns a function that tells of a source id whether its image came in one of these spans."""
    known = frozenset(labels)
    depths = {label.count("/") + 1 for label in known}
    return lambda source_id: any("/".join(source_id.split("/", depth)[:depth]) in known for depth in depths)


def _steps(pattern: str) -> list[str]:
    """Returns the folder below which all spans lie, and the names that lead from there to a span."""
    names = pattern.rstrip("/").split("/")
    first = next(number for number, name in enumerate(names) if _BRACES.search(name))
    return ["/".join(names[:first]) or ("/" if pattern.startswith("/") else "."), *names[first:]]


def _expression(name: str) -> str:
    """Returns the regular expression of the names that fit one step of a pattern, or of all its steps."""
    parts = _BRACES.split(name)  # text and names of parts in turn
    return "".join(f"(?P<{part}>{PARTS[part]})" if at % 2 else re.escape(part) for at, part in enumerate(parts))


def _span(label: str, path: str, steps: str) -> Span:
    match = re.fullmatch(_expression(steps), label)
    found = {} if match is None else {name: int(value) for name, value in match.groupdict().items()}
    if "SPAN" in found:
        return Span(found["SPAN"], found.get("VERSION", 0), label, path)
    try:
        day = datetime.date(*(found[name] for name in DAY))
    except ValueError as error:
        raise ValueError(f"{path!r} is named by a day that there is not ({error}): rename the folder") from error
    return Span((day - datetime.date(1970, 1, 1)).days, found.get("VERSION", 0), label, path)


def _example(pattern: str) -> str:
    values = {"SPAN": "1", "VERSION": "1", "YYYY": "2026", "MM": "01", "DD": "31"}
    return _BRACES.sub(lambda match: values[match[1]], pattern)


def _folders(path: str) -> list[str]:
    """Returns the names of the folders in a folder; none if it is not there."""
    if "://" in path:
        import tensorflow as tf  # takes seconds to import, and local folders do not need it

        if not tf.io.gfile.isdir(path):
            return []
        names = [name.rstrip("/") for name in tf.io.gfile.listdir(path)]
        return [name for name in names if tf.io.gfile.isdir(posixpath.join(path, name))]
    if not os.path.isdir(path):
        return []
    with os.scandir(path) as entries:
        return [entry.name for entry in entries if entry.is_dir()]
