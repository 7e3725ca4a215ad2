"""From objects as written to boxes of the picture as a person sees it, once its size and its orientation are known."""

import math
from typing import NamedTuple

from data.annotations.objects import Box, Edges, Told, Unfit, Written

LEAST = 0.5  # pixels: nothing can be seen in a smaller box
ROUNDED = 1  # pixels by which a size may be off, because it was rounded when the picture was scaled


class Placed(NamedTuple):
    """What is known of a picture once it is open.

    Attributes:
      boxes: its objects.
      unfit: objects that are set aside, if others are left.
      cut: the number of boxes that reached over the edge of the picture by more than was rounded, and end there now.
      reason: why the picture is set aside with all its objects, or "".
    """

    boxes: list[Box]
    unfit: list[Unfit]
    cut: int = 0
    reason: str = ""


class _Frame(NamedTuple):
    """The size of what was annotated, and whether that is the picture as stored (to be turned) or as seen."""

    height: float
    width: float
    stored: bool


def placed(told: Told, height: int, width: int, orientation: int = 1) -> Placed:
    """Returns the boxes of a picture. Those that reach over its edge are cut there.

    Edges are of the picture as stored, unless the size in the annotation is that of the picture as it is seen: then the tool of
    the annotator has turned it already. An annotation of a larger or smaller copy is scaled.

    Args:
      told: what its annotation says.
      height, width: of the picture as stored, in pixels.
      orientation: its EXIF orientation, 1 to 8; 1 is upright.
    """
    frame = _frame_of(told, height, width, orientation)
    if frame is None:
        return Placed([], [], reason=_other_size(told, height, width))
    boxes, unfit, cut = [], [], 0
    for one in told.objects:
        edges = one.ymin / frame.height, one.xmin / frame.width, one.ymax / frame.height, one.xmax / frame.width
        if frame.stored:
            edges = turned(edges, orientation)
        ymin, xmin, ymax, xmax = (min(max(edge, 0.0), 1.0) for edge in edges)
        sides = (width, height) if orientation >= 5 else (height, width)  # as seen
        if reason := _unseen((ymin, xmin, ymax, xmax), sides):
            unfit.append(Unfit(told.path, one.which, reason))
        else:
            lost = (abs(end - edge) for end, edge in zip((ymin, xmin, ymax, xmax), edges, strict=True))
            cut += any(part * side > LEAST for part, side in zip(lost, (*sides, *sides), strict=True))
            boxes.append(Box(one.class_name, ymin, xmin, ymax, xmax, one.ignored))
    if unfit and not boxes:
        return Placed([], [], reason=nothing_left(told, unfit))
    return Placed(boxes, unfit, cut)


def turned(edges: Edges, orientation: int) -> Edges:
    """Returns ymin, xmin, ymax, xmax in 0..1 of a picture as stored, as those of the picture that EXIF turns and mirrors.

    Source: Exif 2.32 (CIPA DC-008), tag 0x0112.
    """
    ymin, xmin, ymax, xmax = edges
    if orientation >= 5:
        ymin, xmin, ymax, xmax = xmin, ymin, xmax, ymax
    if orientation in (2, 3, 6, 7):
        xmin, xmax = 1 - xmax, 1 - xmin
    if orientation in (3, 4, 7, 8):
        ymin, ymax = 1 - ymax, 1 - ymin
    return ymin, xmin, ymax, xmax


def nothing_left(told: Told, unfit: list[Unfit] | tuple[Unfit, ...]) -> str:
    """Returns the reason of a picture whose objects are all set aside, for it is not one with nothing in it."""
    every = f"none of its {len(unfit):,} objects" if len(unfit) > 1 else "its only object cannot be read, so none"
    return f"{every} is left: {told.path}: {unfit[0].which} {unfit[0].reason}"


def _frame_of(told: Told, height: int, width: int, orientation: int) -> _Frame | None:
    """What the edges are shares of or lie in; None if it is another picture than this."""
    if told.shares:
        return _Frame(1, 1, stored=not told.seen)
    if told.height < 1 or told.width < 1:
        return _Frame(height, width, stored=True)
    declared = told.height, told.width
    views = [(height, width, True), *([(width, height, False)] if orientation >= 5 else [])]
    fitting = [view for view in views if _scaled(declared, view)]
    if fitting:  # both, of a picture that is nearly a square
        best = min(fitting, key=lambda view: abs(math.log(told.height / view[0]) - math.log(told.width / view[1])))
        return _Frame(*declared, stored=best[2])
    if declared == (width, height) and all(_inside(one, height, width) for one in told.objects):
        return _Frame(height, width, stored=True)  # two numbers that somebody has interchanged
    return None


def _scaled(one: tuple[float, float], other: tuple[int, int, bool]) -> bool:
    """Whether one factor makes both sides of the first picture from those of the other, up to rounding."""
    low = max((side - ROUNDED) / whole for side, whole in zip(one, other[:2], strict=True))
    high = min((side + ROUNDED) / whole for side, whole in zip(one, other[:2], strict=True))
    return low <= high


def _inside(one: Written, height: int, width: int) -> bool:
    return (
        one.ymin >= -ROUNDED and one.xmin >= -ROUNDED and one.ymax <= height + ROUNDED and one.xmax <= width + ROUNDED
    )


def _unseen(ends: Edges, sides: tuple[int, int]) -> str:
    """The reason if too little of a box lies in the picture, else ""."""
    ymin, xmin, ymax, xmax = ends
    high, wide = (ymax - ymin) * sides[0], (xmax - xmin) * sides[1]
    if high <= 0 or wide <= 0:
        return "lies outside the picture: correct its box"
    if high < LEAST or wide < LEAST:
        return f"has less than {LEAST} pixels of {sides[0]} x {sides[1]} in the picture: correct its box"
    return ""


def _other_size(told: Told, height: int, width: int) -> str:
    return (
        f"has {height:,} x {width:,} pixels, but {told.path} says {told.height:,.0f} x {told.width:,.0f}: expected the same"
        " height and width, or a scaled copy; correct the size there, or annotate this picture"
    )
