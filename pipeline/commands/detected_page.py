"""`fewshot adapt --html` with a detector: pictures with what was found in them, and with what was learnt from."""

from collections.abc import Iterable, Sequence

import tensorflow as tf

from components.fewshot.images.seen import BATCH
from components.fewshot.images.thumbnail import thumbnails
from components.fewshot.pages import environment
from components.fewshot.parallel import batched
from components.fewshot.words import counted
from pipeline.commands.hues import hues_of
from pipeline.commands.inputs import read_file
from pipeline.commands.inspected_page import LABELS, MOST, SIDE
from pipeline.commands.marked import Support
from pipeline.terminal.images import printable
from pipeline.terminal.results import Detected, DetectedPicture

EXAMPLES = 12  # pictures that were learnt from


def write_detected(path: str, result: Detected, learnt: Support | None) -> None:
    """Writes the page, which loads no other file.

    Args:
      path: the file to write.
      result: what is shown.
      learnt: the pictures that were learnt from; None if a task state was taken up.
    """
    chosen = first_with_objects(result["pictures"])
    found = list(zip(_shown([one["path"] for one in chosen]), chosen, strict=True))
    examples = [(file.path, boxes) for file, boxes in zip(learnt.files, learnt.boxes, strict=True)] if learnt else []
    some = examples[:EXAMPLES]
    shown = [(source, *one) for source, one in zip(_shown([path for path, _ in some]), some, strict=True)]
    templates = environment("pipeline.commands")
    templates.filters["printable"] = printable
    templates.globals |= {"counted": counted, "hues": hues_of(result["classes"]), "labels": LABELS}
    text = templates.get_template("detected.html.j2").render(found=found, learnt=shown, result=result)
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def first_with_objects(pictures: Sequence[DetectedPicture]) -> list[DetectedPicture]:
    """Returns at most `MOST` pictures in their order, those in which nothing was found last if there are more."""
    if len(pictures) <= MOST:
        return list(pictures)
    return sorted(pictures, key=lambda one: not one["objects"])[:MOST]


def _shown(paths: Sequence[str]) -> Iterable[str]:
    for some in batched(paths, BATCH):
        yield from thumbnails([read_file(path) for path in some], SIDE)
