"""The box around an outline of COCO: polygons, or a mask that is written as counts of pixels."""

from collections.abc import Mapping

from data.annotations.objects import Edges
from data.annotations.text import number


def around_outline(outline: object) -> Edges | str:
    """Returns the box around the `segmentation` of a COCO object, or why there is none.

    Args:
      outline: polygons, each x, y, x, y, ...; or a mask as {"size": [height, width], "counts": [...]}.
    """
    if isinstance(outline, dict):
        return _mask(outline)
    polygons = outline if isinstance(outline, list) else []
    if polygons and not any(isinstance(one, list) for one in polygons):
        polygons = [polygons]
    numbers = [[number(one) for one in polygon] if isinstance(polygon, list) else [None] for polygon in polygons]
    every = [one for polygon in numbers for one in polygon if one is not None]
    if len(every) < 6 or any(None in polygon or len(polygon) % 2 for polygon in numbers):
        return "has no bbox, and no segmentation that it could be taken from: expected x, y, width and height"
    xs, ys = ([one for polygon in numbers for one in polygon[axis::2] if one is not None] for axis in (0, 1))
    return min(ys), min(xs), max(ys), max(xs)


def _mask(mask: Mapping[str, object]) -> Edges | str:
    """Counts of pixels outside and inside by turns, down each column."""
    size, counts = mask.get("size"), mask.get("counts")
    height = number(size[0]) if isinstance(size, list) and len(size) == 2 else None
    runs = [number(one) for one in counts] if isinstance(counts, list) else []
    if not height or height < 1 or not runs or any(one is None or one < 0 for one in runs):
        return "has no bbox, and a segmentation that is compressed or damaged: expected x, y, width and height"
    rows, at = int(height), 0
    tops, bottoms, columns = [], [], []
    for place, run in enumerate(int(one or 0) for one in runs):
        if place % 2 and run:
            first, last = divmod(at, rows), divmod(at + run - 1, rows)
            whole = first[0] != last[0]  # it goes on in the next column
            tops.append(0 if whole else first[1])
            bottoms.append(rows if whole else last[1] + 1)
            columns += [first[0], last[0] + 1]
        at += run
    return (
        (min(tops), min(columns), max(bottoms), max(columns))
        if tops
        else "has no bbox, and an empty mask: add its bbox"
    )
