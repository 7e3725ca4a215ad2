"""YOLO: a text file for each picture, a line for each object: the number of its class, and edges as shares of the sides.

Source: the formats that Ultralytics documents. A line holds the centre and the size of a box; or the corners of a polygon,
such as a turned box; or a box and key points.
"""

from collections.abc import Mapping
from typing import NamedTuple

from data.annotations.objects import Edges, Told, Unfit, Written, distinct
from data.annotations.text import decoded, name_of, number, shown

BEYOND = 0.01  # by which numbers that were rounded may leave 0..1


class Classes(NamedTuple):
    """The classes of label files: names by number (none: each is called by its number), the file that has them, and how many key
    points and numbers of each an object has."""

    names: Mapping[int, str]
    path: str = ""
    key_points: tuple[int, int] | None = None


NO_CLASSES = Classes({})


def read_yolo(content: bytes, path: str, classes: Classes = NO_CLASSES) -> Told:
    """Returns what a label file says of its picture. One without any line says that nothing is in it.

    Args:
      content: of the file.
      path: of the file.
      classes: of its set.
    """
    objects: list[Written] = []
    unfit: list[Unfit] = []
    for place, line in enumerate(decoded(content).splitlines(), 1):
        if words := _words(line):
            found = _object(words, f"line {place}", classes)
            objects.append(found) if isinstance(found, Written) else unfit.append(found._replace(path=path))
    kept, twice = distinct(path, objects)
    return Told(path, (), tuple(kept), (*unfit, *twice), shares=True)


def is_labels(content: bytes) -> bool:
    """Returns whether a text is one of labels: the first line that is not blank begins with five numbers."""
    words = next((words for line in decoded(content).splitlines() if (words := _words(line))), [])
    return len(words) >= 5 and all(number(word) is not None for word in words[:5])


def _words(line: str) -> list[str]:
    """The words between blanks; or between commas, if there are no blanks."""
    words = line.replace("\0", " ").split()
    return words[0].split(",") if len(words) == 1 and words[0].count(",") > 3 else [word.rstrip(",;") for word in words]


def _object(words: list[str], which: str, classes: Classes) -> Written | Unfit:
    label, *numbers = map(number, words)
    for word, value in zip(words, (label, *numbers), strict=True):
        if value is None:
            return Unfit("", which, f"holds {shown(word)}: expected numbers only, the first that of a class")
    if label != int(label or 0) or (label or 0) < 0:
        return Unfit("", which, f"begins with {shown(label)}: expected the number of a class, 0, 1, ...")
    label = int(label or 0)
    if classes.names and label not in classes.names:
        last = max(classes.names)
        return Unfit("", which, f"is of class {shown(label)}, but {classes.path} names 0 to {last}: add its name there")
    name = classes.names.get(label, str(label))
    which = f"{which} ({shown(name)})"
    edges = _edges([value or 0.0 for value in numbers], classes.key_points)
    if isinstance(edges, str):
        return Unfit("", which, edges)
    ymin, xmin, ymax, xmax = edges
    if ymin >= ymax or xmin >= xmax:
        return Unfit("", which, "has a box without any area: correct it")
    return Written(name, *edges, False, which)


def _edges(numbers: list[float], key_points: tuple[int, int] | None) -> Edges | str:
    """The edges that the numbers after the class are, or why they are none."""
    count = len(numbers)
    if key_points and count == 4 + key_points[0] * key_points[1]:
        numbers = numbers[:4]
    elif count >= 6 and count % 2 == 0:
        return outside if (outside := _beyond(numbers)) else _around(numbers)
    elif count not in (4, 5):
        return f"has {count} numbers after the class: expected 4 (x, y, width, height), 5 with a confidence, or pairs (a polygon)"
    x, y, width, height = numbers[:4]
    if width < 0 or height < 0:
        return "has a negative width or height: correct it"
    return _beyond(numbers[:4]) or (y - height / 2, x - width / 2, y + height / 2, x + width / 2)


def _beyond(numbers: list[float]) -> str:
    """The reason if a number is no share, else ""."""
    wrong = next((one for one in numbers if not -BEYOND <= one <= 1 + BEYOND), None)
    if wrong is None:
        return ""
    return (
        f"holds {wrong:g}: expected shares of the sides of the picture, 0 to 1; divide pixels by its width and height"
    )


def _around(corners: list[float]) -> Edges:
    xs, ys = corners[::2], corners[1::2]
    return min(ys), min(xs), max(ys), max(xs)


def class_names(listed: object) -> dict[int, str]:
    """Returns the names by number of a list, or of {number: name}; what is no name or no number is left out."""
    pairs = enumerate(listed) if isinstance(listed, list) else listed.items() if isinstance(listed, dict) else ()
    found = {}
    for key, value in pairs:
        index, name = number(key), name_of(value)
        if index is not None and index == int(index) and index >= 0 and name:
            found[int(index)] = name
    return found
