"""What annotations say of pictures: their objects, as written and as a person sees them.

An annotation is read without its picture. So what depends on the size of the picture, or on how it has to be turned, is left to
`data.annotations.placing`, for whoever opens it.
"""

from typing import NamedTuple

from data.sources.folders import ImageFile

Edges = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax


class Box(NamedTuple):
    """An object of a picture, with the box around it.

    Attributes:
      class_name: its class.
      ymin, xmin, ymax, xmax: edges in 0..1 of the picture as a person sees it, with EXIF orientation applied; each minimum is
        less than its maximum.
      ignored: it is a crowd, or its annotator called it difficult: finding it is neither right nor wrong.
    """

    class_name: str
    ymin: float
    xmin: float
    ymax: float
    xmax: float
    ignored: bool = False


class Written(NamedTuple):
    """An object as its annotation has it.

    Attributes:
      class_name: its class, in Unicode normal form C, with single spaces.
      ymin, xmin, ymax, xmax: edges, from the top left corner of the picture that was annotated: in pixels, or in shares of its
        sides. They are finite, and each minimum is less than its maximum, but they may lie outside the picture.
      ignored: as of a `Box`.
      which: how a person finds it in its file, such as "object 3" or "line 3".
    """

    class_name: str
    ymin: float
    xmin: float
    ymax: float
    xmax: float
    ignored: bool
    which: str


class Unfit(NamedTuple):
    """An object that is set aside: the path of its annotation file, how a person finds it in there, and the reason."""

    path: str
    which: str
    reason: str


class Told(NamedTuple):
    """What an annotation file says of one picture.

    Attributes:
      path: of the annotation file.
      names: by which the file may call the picture, with folders as far as it has them, the likeliest first.
      objects: those that could be read.
      unfit: the others.
      height, width: of the picture that was annotated, in pixels; below 1 if the file does not say it.
      shares: whether edges are shares of the sides, and not pixels.
      seen: whether edges are known to be of the picture as a person sees it, so that EXIF turns none of them.
      reason: why nothing can be said of the picture, or "".
    """

    path: str
    names: tuple[str, ...] = ()
    objects: tuple[Written, ...] = ()
    unfit: tuple[Unfit, ...] = ()
    height: float = 0
    width: float = 0
    shares: bool = False
    seen: bool = False
    reason: str = ""


class Annotated(NamedTuple):
    """A picture that has not been opened, and what its annotation says of it. One without objects has nothing in it."""

    file: ImageFile
    told: Told


def distinct(path: str, objects: list[Written]) -> tuple[list[Written], list[Unfit]]:
    """Returns the objects without those that are the same as one before, and these as unfit."""
    first: dict[tuple[object, ...], str] = {}
    kept, unfit = [], []
    for one in objects:
        key = one[:-1]
        if key in first:
            reason = f"is the same box of the same class as {first[key]}: remove one of them"
            unfit.append(Unfit(path, one.which, reason))
        else:
            first[key] = one.which
            kept.append(one)
    return kept, unfit
