"""`fewshot adapt --html`: predictions as a page of small pictures, each class with the images that it was learnt from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.seen import BATCH
from components.fewshot.images.thumbnail import thumbnails
from components.fewshot.pages import environment
from components.fewshot.parallel import batched
from components.fewshot.words import counted
from data.sources.folders import ImageFile
from pipeline.commands.inputs import read_file
from pipeline.terminal.images import printable
from pipeline.terminal.results import Adapted, Prediction

MOST = 500  # predictions on a page, the least certain ones of each class last
EXAMPLES = 5  # of the images that a class was learnt from


class Group(NamedTuple):
    """The predictions of a class, the most certain first, and paths of images that the class was learnt from."""

    name: str
    predictions: list[Prediction]
    examples: list[str]


def write_page(path: str, result: Adapted, support: Sequence[ImageFile]) -> None:
    """Writes the page, which loads no other file.

    Args:
      path: the file to write.
      result: what is shown.
      support: the images that were learnt from; none, if a task state was taken up.
    """
    groups = groups_of(result["predictions"], examples_in(support))
    paths = [path for group in groups for path in (*group.examples, *(one["path"] for one in group.predictions))]
    templates = environment("pipeline.commands")
    templates.filters |= {"picture": _pictures(paths).__getitem__, "printable": printable}
    templates.globals["counted"] = counted
    text = templates.get_template("page.html.j2").render(groups=groups, result=result, most=MOST)
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def groups_of(predictions: Sequence[Prediction], examples: dict[str, list[str]]) -> list[Group]:
    """Returns the classes in the order of their names, those without any prediction too."""
    names = list(predictions[0]["probabilities"])
    shown = sorted(predictions, key=lambda one: -one["probability"])
    share = Counter(one["label"] for one in predictions)
    most = {name: -(-MOST * share[name] // max(len(predictions), MOST)) for name in names}
    return [
        Group(name, [one for one in shown if one["label"] == name][: most[name]], examples.get(name, []))
        for name in names
    ]


def examples_in(support: Sequence[ImageFile]) -> dict[str, list[str]]:
    """Returns the first paths of each class."""
    found: dict[str, list[str]] = {}
    for file in support:
        paths = found.setdefault(file.class_name, [])
        if len(paths) < EXAMPLES:
            paths.append(file.path)
    return found


def _pictures(paths: Iterable[str]) -> dict[str, str]:
    """Returns thumbnails by path; a few files are in memory at a time."""
    shown: dict[str, str] = {}
    for some in batched(dict.fromkeys(paths), BATCH):
        shown |= zip(some, thumbnails([read_file(path) for path in some]), strict=True)
    return shown
