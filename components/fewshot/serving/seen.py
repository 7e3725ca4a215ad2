"""The classes that a model has seen, so that no later run takes them for unseen ones."""

import json
import os
from collections.abc import Iterable

import tensorflow as tf
from pydantic import BaseModel, ConfigDict

FILE = "seen.json"
SHOWN = 3  # classes in a message


class Seen(BaseModel):
    """Names of the classes that weights were trained on and chosen by, those of the weights they began with included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: frozenset[str] = frozenset()
    val: frozenset[str] = frozenset()

    @staticmethod
    def read(directory: str) -> "Seen":
        """What was written to `directory`; nothing where nothing was."""
        path = os.path.join(directory, FILE)
        if not tf.io.gfile.exists(path):
            return Seen()
        with tf.io.gfile.GFile(path) as file:
            return Seen.model_validate_json(file.read())

    def write(self, directory: str) -> None:
        """Writes the names, sorted."""
        with tf.io.gfile.GFile(os.path.join(directory, FILE), "w") as file:
            json.dump({"train": sorted(self.train), "val": sorted(self.val)}, file, ensure_ascii=False)

    def __or__(self, other: "Seen") -> "Seen":
        """What either has seen."""
        return Seen(train=self.train | other.train, val=self.val | other.val)

    def among(self, test: Iterable[str], val: Iterable[str] = ()) -> str | None:
        """Why these weights must not be judged on the classes `test`, or chosen by `val`; None where they may."""
        known = sorted((self.train | self.val) & set(test)) or sorted(self.train & set(val))
        if not known:
            return None
        some = ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
        return f"it has seen {len(known)} of the classes that are to be new to it ({some})"
