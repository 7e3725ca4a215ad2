"""COCO: one JSON file for many pictures.

Source: https://cocodataset.org/#format-data. `bbox` is x, y, width, height in pixels, counted from 0 up to an edge.
"""

import json
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from data.annotations.objects import Edges, Told, Unfit, Written, distinct
from data.annotations.outlines import around_outline
from data.annotations.text import decoded, is_true, name_of, number, shown
from data.sources.tree import escaped

Item = Mapping[str, object]


class Coco(NamedTuple):
    """What a COCO file says.

    Attributes:
      pictures: one for each record of a picture.
      unfit: objects of no picture.
      class_names: those that it lists, with and without objects.
      notes: what people should know of it.
    """

    pictures: list[Told]
    unfit: list[Unfit]
    class_names: list[str]
    notes: list[str]


def read_coco(content: bytes, path: str) -> Coco | None:
    """Returns what a COCO file says, or None if it is JSON of another kind, without boxes of objects.

    Args:
      content: of the file.
      path: of the file.

    Raises:
      ValueError: it is not JSON.
    """
    try:
        said = json.loads(decoded(content))
    except (ValueError, RecursionError) as error:  # ValueError also for an integer of thousands of digits
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "no value"
        raise ValueError(f"is not JSON ({where}): expected a whole file; repair it") from error
    if not _is_coco(said):
        return None
    names, notes = _categories(said.get("categories"), path)
    objects, unfit = _objects(said["annotations"], said["images"], names, path)
    pictures, twins = _pictures(said["images"], objects, path)
    notes += _corners_note(pictures, path)
    if twins:
        notes.append(f"{path}: {twins:,} records of pictures have an id or a file name that others have too")
    return Coco(pictures, unfit, sorted({name for name in names.values() if name}), notes)


def _is_coco(said: object) -> bool:
    """Pictures, and objects with boxes or outlines; captions and panoptic files have neither."""
    if not isinstance(said, dict) or not all(isinstance(said.get(key), list) for key in ("images", "annotations")):
        return False
    found = [one for one in said["annotations"] if isinstance(one, dict)]
    return not said["annotations"] or any(key in one for one in found for key in ("bbox", "segmentation"))


Names = dict[object, str]  # of classes by id; "" of an id that several have


def _categories(listed: object, path: str) -> tuple[Names, list[str]]:
    names: Names = {}
    notes = []
    for one in _items(listed):
        key, name = _key(one.get("id")), name_of(one.get("name"))
        names[key] = "" if names.get(key, name) != name else name
    names.pop(None, None)
    if not names:
        notes.append(f"{path}: no categories, so each class is called by its id")
    same = sorted(name for name, ids in Counter(names.values()).items() if name and ids > 1)
    notes += [f"{path}: several categories are called {shown(name)}, and are one class" for name in same]
    return names, notes


def _objects(
    listed: list[object], images: list[object], names: Names, path: str
) -> tuple[dict[object, list[Written | Unfit]], list[Unfit]]:
    """The objects of each image id, and those of no image."""
    found: dict[object, list[Written | Unfit]] = {_key(one.get("id")): [] for one in _items(images)}
    found.pop(None, None)
    nowhere = []
    for place, one in enumerate(listed, 1):
        if not isinstance(one, dict):
            nowhere.append(Unfit(path, f"annotation {place}", f"is {shown(one)}: expected an object of JSON"))
            continue
        which = f"annotation {place}" + (f" (id {shown(one['id'])})" if "id" in one else "")
        if (picture := _key(one.get("image_id"))) in found:
            found[picture].append(_object(one, names, path, which))
        else:
            told = shown(one.get("image_id"))
            nowhere.append(Unfit(path, which, f"is of image_id {told}, and no image has this id: correct it"))
    return found, nowhere


def _object(one: Item, names: Names, path: str, which: str) -> Written | Unfit:
    key = _key(one.get("category_id"))
    name = names.get(key, "" if names else name_of(one.get("category_id")))
    if not name:
        why = "several categories have" if key in names else "no category has"
        return Unfit(path, which, f"is of category_id {shown(one.get('category_id'))}, and {why} this id: correct it")
    which = f"{which} ({shown(name)})"
    box = one.get("bbox")
    edges = _edges(box) if box not in (None, []) else around_outline(one.get("segmentation"))
    if isinstance(edges, str):
        return Unfit(path, which, edges)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        return Unfit(path, which, "has a box without any area: correct it")
    return Written(name, *edges, is_true(one.get("iscrowd")), which)


def _edges(box: object) -> Edges | str:
    numbers = [number(one) for one in box] if isinstance(box, list) else []
    x, y, width, height = numbers if len(numbers) == 4 else (None,) * 4
    if x is None or y is None or width is None or height is None:
        return f"has the bbox {shown(box)}: expected 4 numbers, x, y, width and height"
    if width < 0 or height < 0:
        return f"has the bbox {shown(box)}: expected a width and a height above 0"
    return y, x, y + height, x + width


def _pictures(
    listed: list[object], objects: Mapping[object, list[Written | Unfit]], path: str
) -> tuple[list[Told], int]:
    """What is said of each picture, and how many have an id or a file name that others have too."""
    records = list({_record(one): one for one in listed}.values())  # one that is there twice is one
    ids = Counter(_key(one.get("id")) for one in _items(records))
    files = Counter(_names(one)[:1] for one in _items(records))
    found, twins = [], 0
    for one in records:
        names = _names(one) if isinstance(one, dict) else ()
        if not isinstance(one, dict) or not names:
            reason = f"an image is {shown(one)}: expected an object of JSON with a file_name"
            found.append(Told(path, reason=reason))
            continue
        key = _key(one.get("id"))
        twins += ids[key] > 1 or files[names[:1]] > 1
        if key is None:
            reason = f"the image {shown(names[0])} has the id {shown(one.get('id'))}: expected a number"
        elif ids[key] > 1:
            reason = (
                f"{ids[key]} images have the id {shown(one.get('id'))}, so their objects are mixed: number them anew"
            )
        elif files[names[:1]] > 1:
            reason = f"{files[names[:1]]} images have the file_name {shown(names[0])}: expected one, with its folder"
        else:
            reason = ""
        found.append(_told(one, names, objects.get(key, ()), path, reason))
    return found, twins


def _corners_note(pictures: Iterable[Told], path: str) -> list[str]:
    """A sentence if the boxes look like xmin, ymin, xmax, ymax, as some converters write them by mistake."""
    known = [(one, told.height, told.width) for told in pictures if told.height and told.width for one in told.objects]
    over = sum(one.ymax > height + 1 or one.xmax > width + 1 for one, height, width in known)
    # Read as corners, the third and the fourth number, now the width and the height, are edges.
    fit = all(
        one.xmin < one.xmax - one.xmin <= width + 1 and one.ymin < one.ymax - one.ymin <= height + 1
        for one, height, width in known
    )
    if not over or not fit:
        return []
    return [
        f"{path}: boxes reach over the edge ({over:,} of them), and all {len(known):,} would fit as xmin, ymin, xmax,"
        " ymax: expected x, y, width, height; correct the bbox"
    ]


def _told(one: Item, names: tuple[str, ...], objects: Iterable[Written | Unfit], path: str, reason: str) -> Told:
    every = list(objects)
    kept, twice = distinct(path, [each for each in every if isinstance(each, Written)])
    unfit = *(each for each in every if isinstance(each, Unfit)), *twice
    height, width = (number(one.get(side)) or 0 for side in ("height", "width"))
    return Told(path, names, tuple(kept), unfit, height, width, reason=reason)


def _record(image: object) -> object:
    """What makes two records of a picture the same."""
    if not isinstance(image, dict):
        return shown(image)
    return _key(image.get("id")), _names(image), number(image.get("height")), number(image.get("width"))


def _names(image: Item) -> tuple[str, ...]:
    """By which a picture may be called; addresses after names, for their last parts are often the same."""
    found = []
    for key in ("file_name", "filename", "path", "coco_url", "flickr_url"):
        name = image.get(key)
        if isinstance(name, str) and name.strip():
            if "://" in name:
                name = unquote(name.partition("://")[2].partition("?")[0])
            found.append(escaped(name.strip().replace("\\", "/")))
    return tuple(name for name in found if posixpath.basename(name))


def _items(listed: object) -> Iterable[Item]:
    return (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()


def _key(value: object) -> object:
    """An id by which records are joined: 7, "7" and 7.0 are the same; None if there is none."""
    if type(value) is int:  # as nearly always
        return value
    found = number(value)
    if found is not None and found == int(found):
        return int(found)
    return value if isinstance(value, str) else None
