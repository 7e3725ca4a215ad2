"""`fewshot inspect --html`: a page of pictures with their boxes, or of the pictures of each class."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.seen import BATCH
from components.fewshot.images.thumbnail import thumbnails
from components.fewshot.pages import environment
from components.fewshot.parallel import batched
from components.fewshot.words import counted
from pipeline.commands.hues import hues_of
from pipeline.commands.inspect import Looked, contents_of
from pipeline.terminal.images import printable
from pipeline.terminal.results import Inspection

MOST = 120  # pictures on a page
SIDE = 288  # pixels of a picture
LABELS = 12  # boxes of a picture that carry the name of their class; with more it would cover them
SET_ASIDE = 500  # lines


class Figure(NamedTuple):
    """A picture with its thumbnail."""

    looked: Looked
    source: str


def write_inspected(path: str, result: Inspection, read: Sequence[Looked]) -> None:
    """Writes the page, which loads no other file.

    Args:
      path: the file to write.
      result: what is said of the images.
      read: the pictures that were read; pictures of each class are shown by turns.
    """
    chosen = choose(read, [one["class_name"] for one in result["classes"]])
    figures = []
    for some in batched(chosen, BATCH):
        shown = thumbnails(contents_of([one.fact for one in some]), SIDE)
        figures += [Figure(*one) for one in zip(some, shown, strict=True)]
    hues = hues_of(one["class_name"] for one in result["classes"])
    templates = environment("pipeline.commands")
    templates.filters["printable"] = printable
    templates.globals |= {"counted": counted, "hues": hues, "labels": LABELS, "most": SET_ASIDE}
    text = templates.get_template("inspected.html.j2").render(figures=figures, result=result)
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def choose(read: Sequence[Looked], class_names: Sequence[str]) -> list[Looked]:
    """Returns at most `MOST` pictures: the first of each class, then the second, and so on, and so with pictures without any."""
    groups: dict[str, list[Looked]] = {name: [] for name in (*class_names, "")}
    for one in read:
        for name in {box.class_name for box in one.boxes} or {one.fact.class_name}:
            groups[name].append(one)
    by_turns = [one for row in zip_longest(*groups.values()) for one in row if one]
    return list({one.fact.path: one for one in by_turns}.values())[:MOST]
