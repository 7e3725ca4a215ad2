"""Results that were judged before. A change of the gate, of the push or of a rival judges only what is new.

A model on a set of episodes gives the same results again, so they are kept in a folder under a key of everything that they
depend on: the files of the model, the episodes, their images, and the code.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence

import tensorflow as tf

from components.fewshot import integrity

RESULTS = "results.jsonl"
KEPT = 200  # results that stay: a run has some five
SERVED = ("saved_model.pb", "variables", "assets")  # what answers; assets.extra only describes it


class Judged:
    """The folder of results.

    Args:
      directory: the folder, on any file system; empty if nothing is to be kept.
      facts: what all keys depend on beside models and episodes: the fingerprints of images and code.
    """

    def __init__(self, directory: str, *facts: str) -> None:
        self.directory, self.facts = directory, facts

    def place(self, model: str, episodes: Sequence[bytes]) -> str:
        """Returns the directory for the results of a model on a set of episodes.

        Args:
          model: directory of the SavedModel.
          episodes: as they are written.
        """
        key = hashlib.sha256(repr((*self.facts, *episodes)).encode())
        for path in [name for part in SERVED for name in _files(os.path.join(model, part))]:
            key.update(f"\0{os.path.relpath(path, model)}\0{integrity.file_digest(path)}".encode())
        return os.path.join(self.directory, key.hexdigest()[:32])

    def read(self, place: str) -> list[str] | None:
        """Returns the results in a place, one JSON each; None if there are none, or if they are damaged."""
        if not self.directory or not integrity.is_sealed(place) or integrity.damage(place):
            return None
        with tf.io.gfile.GFile(os.path.join(place, RESULTS), "r") as file:
            return str(file.read()).splitlines()

    def keep(self, place: str, results: Sequence[str]) -> None:
        """Keeps results in a place; complete or not at all."""
        if not self.directory:
            return
        _remove(place)  # it may be damaged
        tf.io.gfile.makedirs(place)
        with tf.io.gfile.GFile(os.path.join(place, RESULTS), "w") as file:
            file.write("\n".join(results))
        integrity.seal(place)
        kept = tf.io.gfile.glob(os.path.join(self.directory, "*", RESULTS))
        for path in sorted(kept, key=lambda path: tf.io.gfile.stat(path).mtime_nsec)[:-KEPT]:
            _remove(os.path.dirname(path))


def _remove(place: str) -> None:
    """Removes the results in a place, if there are any, and the list of their files beside it."""
    if tf.io.gfile.exists(place):
        tf.io.gfile.rmtree(place)
    for path in tf.io.gfile.glob(f"{place}.{integrity.LIST}"):
        tf.io.gfile.remove(path)


def _files(path: str) -> Iterator[str]:
    """Yields a file, or all files below a directory, sorted; nothing if there is neither."""
    if not tf.io.gfile.isdir(path):
        yield from [path] if tf.io.gfile.exists(path) else []
        return
    yield from sorted(os.path.join(at, name) for at, _, names in tf.io.gfile.walk(path) for name in names)
