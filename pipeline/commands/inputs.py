"""What `fewshot adapt` and `fewshot evaluate` read: a model and image files."""

import os
from collections.abc import Sequence

import tensorflow as tf

from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import latest
from components.image_example_gen.facts import Fact
from components.image_example_gen.ingest import facts_of
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Rejected
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
    found = []
    for file in files:
        with tf.io.gfile.GFile(file.path, "rb") as opened:
            found.append(opened.read())
    return found
