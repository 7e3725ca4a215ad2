"""The classes that a model was trained on, so that no later run uses them as unseen classes."""

import json
import os
from collections.abc import Iterable

import tensorflow as tf
from pydantic import BaseModel, ConfigDict

FILE = os.path.join("assets.extra", "seen.json")
SHOWN = 3  # classes in a message


class Seen(BaseModel):
    """Names of the classes by which weights were trained (`train`) or chosen (`val`), including those of a warm start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: frozenset[str] = frozenset()
    val: frozenset[str] = frozenset()

    @staticmethod
    def read(directory: str) -> "Seen":
        """The names that belong to the SavedModel in `directory`; no names if there is no file."""
        path = os.path.join(directory, FILE)
        if not tf.io.gfile.exists(path):
            return Seen()
        with tf.io.gfile.GFile(path) as file:
            return Seen.model_validate_json(file.read())

    def write(self, directory: str) -> None:
        """Writes the names, sorted."""
        path = os.path.join(directory, FILE)
        tf.io.gfile.makedirs(os.path.dirname(path))
        with tf.io.gfile.GFile(path, "w") as file:
            json.dump({"train": sorted(self.train), "val": sorted(self.val)}, file, ensure_ascii=False)

    def __or__(self, other: "Seen") -> "Seen":
        """The names of both."""
        return Seen(train=self.train | other.train, val=self.val | other.val)

    def among(self, test: Iterable[str], val: Iterable[str] = ()) -> str | None:
        """The reason why these weights must not be tested on the classes `test` or chosen by `val`; None if there is none."""
        known = sorted((self.train | self.val) & set(test)) or sorted(self.train & set(val))
        if not known:
            return None
        some = ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
        return f"it was trained on {len(known)} of the classes that must be unseen ({some})"
