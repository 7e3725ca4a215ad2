"""What `fewshot adapt` and `fewshot evaluate` read: a model, a task state, and image files."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served_state import ServedState
from components.fewshot.serving.versions import latest
from components.image_example_gen.facts import Fact
from components.image_example_gen.ingest import facts_of
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Rejected, list_images
from data.sources.tree import is_remote
from pipeline.plain_path import plain_path

DEFAULTS = ImageSetSettings.model_fields


def find_model(path: str) -> str:
    """Returns the directory of the SavedModel at `path`.

    That is `path` itself, or the highest version in it, which is the one that TF Serving takes; by a path that TensorFlow can
    take.

    Raises:
      ValueError: there is no model.
    """
    if not tf.io.gfile.isdir(path):
        raise ValueError(f"--model {path}: no such directory; expected an exported model or a push destination")
    place = path if is_remote(path) else plain_path(path)  # TensorFlow looks for the weights of a model by a pattern
    for candidate in (place, os.path.join(place, "Format-Serving")):  # TFX puts models of an artifact in this folder
        if tf.io.gfile.exists(os.path.join(candidate, "saved_model.pb")):
            return candidate
    try:
        return latest(place)
    except FileNotFoundError:
        said = f"--model {path}: holds no SavedModel; expected an exported model or a push destination"
        raise ValueError(said) from None


def examined(files: Sequence[ImageFile], model: str) -> list[Fact]:
    """Returns what the ImageExampleGen of a model would find out about each file."""
    return facts_of(files, Manifest.read(model).max_pixels)


def told_apart(files: Sequence[ImageFile], facts: Sequence[Fact]) -> tuple[list[ImageFile], list[Rejected]]:
    """Returns the files that can be read, and those that cannot, by what was found out about each."""
    return (
        [file for file, fact in zip(files, facts, strict=True) if not fact.reason],
        [Rejected(fact.path, fact.reason) for fact in facts if fact.reason],
    )


def contents(files: Sequence[ImageFile]) -> list[bytes]:
    """Returns the bytes of each file."""
    return [read_file(file.path) for file in files]


def read_file(path: str) -> bytes:
    """Returns the bytes of a file."""
    with tf.io.gfile.GFile(path, "rb") as opened:
        return bytes(opened.read())


class Queries(NamedTuple):
    """Images to predict that can be read, with what was found out about each; those that cannot; and what was passed over."""

    files: list[ImageFile]
    facts: list[Fact]
    unfit: list[Rejected]
    passed_over: dict[str, int]


def read_queries(query: str, model: str) -> Queries:
    """Looks at all images in the folder `query`, or at one.

    Raises:
      ValueError: there is no image that the model can read.
    """
    listed = list_images(query)
    facts = examined(listed.files, model)
    asked, unfit = told_apart(listed.files, facts)
    unfit = sorted([*listed.rejected, *unfit])
    if not asked:
        raise ValueError(f"--query {query}: no image can be read ({first_of(unfit)}): convert or replace them")
    return Queries(asked, [fact for fact in facts if not fact.reason], unfit, listed.passed_over)


def remembered(path: str) -> ServedState:
    """The task state in a file, whose classes are called by their numbers if they have no names.

    Raises:
      ValueError: there is none.
    """
    try:
        found = ServedState.load(path)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"--state {path}: {error}; write one with --save-state") from error
    return found if found.names else found._replace(names=tuple(map(str, range(found.num_classes))))


def first_of(unread: Sequence[Rejected]) -> str:
    """The first of what cannot be read, and how many more there are."""
    more = f"; and {len(unread) - 1:,} more" if len(unread) > 1 else ""
    return f"{unread[0].path}: {unread[0].reason}{more}"
