"""PASCAL VOC: an XML file for each picture.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012 Development Kit. It counts pixels from 1, and a box
includes its last ones; most tools since then count from 0, up to an edge. The files of a set that counts from 1 show it, see
`counts_from_one`.
"""

import posixpath
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

from data.annotations.objects import Told, Unfit, Written, distinct
from data.annotations.text import decoded, is_true, name_of, number, shown

ROOT = "annotation"
EDGES = ("ymin", "xmin", "ymax", "xmax")


def read_voc(content: bytes, path: str) -> Told | None:
    """Returns what a VOC file says of its picture, or None if it is XML of another kind.

    It may have any encoding, and boxes with interchanged corners. Parts of objects are left out. A file that cannot be read has a
    `reason`.

    Args:
      content: of the file.
      path: of the file.
    """
    text = decoded(content)
    if "<!ENTITY" in text:
        return Told(path, reason="declares entities, which are not expanded, for they can fill all memory: remove them")
    try:
        root = ElementTree.fromstring(text.lstrip("\ufeff \t\r\n"))
    except (ElementTree.ParseError, ValueError) as error:  # ValueError: lone surrogates
        said = f"line {error.position[0]}" if isinstance(error, ElementTree.ParseError) else "its text is damaged"
        return Told(path, reason=f"is not XML ({said}): expected a whole file with an <{ROOT}> element; repair it")
    if _tag(root) != ROOT:
        return None
    objects: list[Written] = []
    unfit: list[Unfit] = []
    for place, element in enumerate((one for one in root if _tag(one) == "object"), 1):
        found = _object(element, f"object {place}")
        objects.append(found) if isinstance(found, Written) else unfit.append(found._replace(path=path))
    kept, twice = distinct(path, objects)
    size = _child(root, "size")
    height, width = (number(_text(size, side)) or 0 for side in ("height", "width"))
    return Told(path, _names(root), tuple(kept), (*unfit, *twice), height, width)


def counts_from_one(files: Iterable[Told]) -> bool:
    """Returns whether the files of a set count pixels from 1: all edges are whole, none is below 1, and some box begins there."""
    least = None
    for one in (one for told in files for one in told.objects):
        edges = one.ymin, one.xmin, one.ymax, one.xmax
        if not all(edge == int(edge) for edge in edges):
            return False
        least = min(*edges) if least is None else min(least, *edges)
    return least == 1


def from_zero(told: Told) -> Told:
    """Returns a file that counts pixels from 1, with edges counted from 0."""
    return told._replace(objects=tuple(one._replace(ymin=one.ymin - 1, xmin=one.xmin - 1) for one in told.objects))


def _object(element: ElementTree.Element, which: str) -> Written | Unfit:
    name = name_of(_text(element, "name"))
    which = f"{which} ({shown(name)})" if name else which
    if not name:
        return Unfit("", which, "has no <name>: expected that of its class")
    boxes = [one for one in element if _tag(one) == "bndbox"]
    if len(boxes) > 1:
        return Unfit("", which, f"has {len(boxes)} <bndbox> elements: expected one; give each an object of its own")
    edges = [_text(boxes[0], edge) for edge in EDGES] if boxes else _around(_child(element, "polygon"))
    if not edges:
        return Unfit("", which, "has no <bndbox>: expected one with xmin, ymin, xmax and ymax")
    numbers = [number(edge) for edge in edges]
    for edge, written, value in zip(EDGES, edges, numbers, strict=True):
        if value is None:
            told = f"its {edge} is {shown(written)}" if written else f"it has no {edge}"
            return Unfit("", which, f"{told}: expected a number of pixels")
    ymin, xmin, ymax, xmax = (value or 0.0 for value in numbers)
    if ymin == ymax or xmin == xmax:
        return Unfit("", which, "has a box without any area: correct it")
    ymin, ymax, xmin, xmax = *sorted((ymin, ymax)), *sorted((xmin, xmax))
    return Written(name, ymin, xmin, ymax, xmax, is_true(_text(element, "difficult")), which)


def _around(polygon: ElementTree.Element | None) -> list[str]:
    """The box around a polygon of the elements x1, y1, x2, ... or of points; nothing if a number is missing."""
    found: dict[str, list[float]] = {"x": [], "y": []}
    for one in () if polygon is None else polygon.iter():
        if match := re.fullmatch(r"([xy])\d*", _tag(one)):
            value = number(one.text or "")
            if value is None:
                return []
            found[match[1]].append(value)
    if not found["x"] or len(found["x"]) != len(found["y"]):
        return []
    return [repr(edge(found[axis])) for edge in (min, max) for axis in ("y", "x")]


def _names(root: ElementTree.Element) -> tuple[str, ...]:
    """What the file calls its picture: often by a path of the machine of the annotator."""
    filename, folder = (_text(root, tag).replace("\\", "/") for tag in ("filename", "folder"))
    path = _text(root, "path").replace("\\", "/")
    told = [posixpath.join(folder, filename) if filename else "", path]
    return tuple(name for name in told if posixpath.basename(name))


def _tag(element: ElementTree.Element) -> str:
    """The name of an element, without a namespace and in small letters; "" of a comment."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element | None:
    return next((one for one in element if _tag(one) == tag), None)


def _text(element: ElementTree.Element | None, tag: str) -> str:
    found = None if element is None else _child(element, tag)
    return "" if found is None else (found.text or "").strip()
