"""The rows of a store that an image with boxes becomes: one for each object, or one of nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER
from components.fewshot.images.parts import NO_CLASS, OF_A_CLASS, Box, Shown


class Object(NamedTuple):
    """An object in an image.

    Attributes:
      box: in 0..1 of the image.
      ignored: whether it is a crowd, or difficult.
      stranger: whether its class is on another side of the image set.
    """

    class_name: str
    domain: str
    box: Box
    ignored: bool
    stranger: bool

    @property
    def label(self) -> int:
        """What the label of its row is."""
        return IGNORED if self.ignored else STRANGER if self.stranger else OF_A_CLASS


def object_rows(source_id: str, objects: Iterable[Object]) -> list[Shown]:
    """The rows of the image with this source id; those of objects of no class of the side are of no class."""
    rows = []
    for number, one in enumerate(objects):
        names = (one.class_name, one.domain) if one.label == OF_A_CLASS else (NO_CLASS, "")
        rows.append(Shown(*names, f"{source_id}#{number}", one.box, one.label))
    return rows or [Shown(NO_CLASS, "", f"{source_id}#0", (0.0, 0.0, 0.0, 0.0), NOTHING)]
