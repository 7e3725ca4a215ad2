"""The annotated pictures that a detector learns from."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.serving.served_state import ServedState
from data.annotations.listing import AnnotatedListing, list_annotated
from data.annotations.objects import Box, Unfit
from data.sources.folders import ImageFile, Rejected
from pipeline.commands.inputs import contents, examined
from pipeline.commands.inspect import Looked, look


class Support(NamedTuple):
    """What a detector learns from.

    Attributes:
      files: the pictures that an object is marked in.
      boxes: the objects in each.
      unfit: pictures and annotations that are set aside.
      unfit_objects: objects that are set aside.
      ignored: the number of objects that are a crowd or called difficult.
      unannotated: paths of pictures without an annotation.
      passed_over, notes: as in `AnnotatedListing`.
    """

    files: list[ImageFile]
    boxes: list[list[Box]]
    unfit: list[Rejected]
    unfit_objects: list[Unfit]
    ignored: int
    unannotated: list[str]
    passed_over: dict[str, int]
    notes: list[str]

    def adapted(self, served: ServedDetector) -> ServedState:
        """Returns the task state of these objects."""
        every = [(place, box) for place, own in enumerate(self.boxes) for box in own]
        names = sorted({box.class_name for _, box in every})
        edges = np.array([(box.ymin, box.xmin, box.ymax, box.xmax) for _, box in every], np.float32)
        labels = np.array([names.index(box.class_name) for _, box in every])
        state = served.adapt(contents(self.files), edges, np.array([place for place, _ in every]), labels)
        return state._replace(names=tuple(names))


def read_support(support: str, annotations: str | None, model: str) -> Support:
    """Reads the pictures of a folder with their annotations.

    Args:
      support: the folder.
      annotations: a file or a folder of annotations, if they do not lie in there.
      model: the directory of the model.

    Raises:
      ValueError: nothing is annotated, or no object of a class can be learnt from.
    """
    listed = list_annotated(support, annotations)
    facts = examined([one.file for one in listed.pictures], model)
    looked = [look(one.told, fact) for one, fact in zip(listed.pictures, facts, strict=True)]
    read = [one for one in zip(listed.pictures, looked, strict=True) if not one[1].fact.reason]
    boxes = [[box for box in own.boxes if not box.ignored] for _, own in read]
    _check_classes_left(support, listed, looked)
    marked = [(one.file, own) for (one, _), own in zip(read, boxes, strict=True) if own]
    names = {box.class_name for own in boxes for box in own}
    unread = [Rejected(one.fact.path, one.fact.reason) for one in looked if one.fact.reason]
    nothing = [f"no object of the class {name!r} is marked, so none is found" for name in listed.class_names]
    return Support(
        files=[file for file, _ in marked],
        boxes=[own for _, own in marked],
        unfit=[*listed.rejected, *unread],
        unfit_objects=sorted([*listed.unfit, *(unfit for one in looked for unfit in one.unfit)]),
        ignored=sum(box.ignored for _, own in read for box in own.boxes),
        unannotated=[file.path for file in listed.unannotated],
        passed_over=listed.passed_over,
        notes=listed.notes
        + [note for name, note in zip(listed.class_names, nothing, strict=True) if name not in names],
    )


def _check_classes_left(support: str, listed: AnnotatedListing, looked: Sequence[Looked]) -> None:
    """Raises ValueError if a class has lost all its objects, or nothing is marked at all."""
    written: Counter[str] = Counter()
    why: dict[str, str] = {}  # the first reason of each class
    left = {box.class_name for one in looked if not one.fact.reason for box in one.boxes if not box.ignored}
    for picture, one in zip(listed.pictures, looked, strict=True):
        reasons = {unfit.which: f"{unfit.path}: {unfit.which} {unfit.reason}" for unfit in one.unfit}
        for own in picture.told.objects:
            written[own.class_name] += 1
            difficult = f"{picture.told.path}: {own.which} is a crowd, or called difficult"
            reason = f"{one.fact.path}: {one.fact.reason}" if one.fact.reason else reasons.get(own.which, difficult)
            why.setdefault(own.class_name, reason)
    lost = sorted(written.keys() - left)
    if lost:
        more = f", nor from any of {len(lost) - 1:,} more" if len(lost) > 1 else ""
        raise ValueError(
            f"--support {support}: no object of class {lost[0]!r} can be learnt from{more} ({why[lost[0]]}): correct what is"
            " said of them, or remove it"
        )
    if not left:
        raise ValueError(
            f"--support {support}: nothing is marked in its {len(listed.pictures):,} pictures; expected at least one object"
        )
