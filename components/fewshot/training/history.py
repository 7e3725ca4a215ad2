"""The history of a training, with a row for each step and each validation. Its file is only appended to."""

import hashlib
import json
import os
from typing import Any, TypedDict

import tensorflow as tf

from components.fewshot.training.checkpoint import write_durably

# Files of the record of a training: its history, how long it took, and the choice if it was one of several candidates.
HISTORY, TIMING, CHOICE = "history.json", "timing.json", "choice.json"


class Trained(TypedDict):
    """One outer step: means over its tasks."""

    step: int
    loss: float
    accuracy: float
    learning_rate: float  # of the next step


class Validated(TypedDict):
    """One validation: mean accuracy, the half-width of its 95% interval over episodes, mean log loss.

    Where the weights that are kept were blended with those before, the last row is of the blend; its step is theirs.
    """

    step: int
    accuracy: float
    ci95: float
    loss: float


class History(TypedDict):
    """All rows of a training; `best_step` is the step of the weights that are kept."""

    steps: list[Trained]
    validation: list[Validated]
    best_step: int


def validation_of_kept(history: History) -> dict[str, object]:
    """The validation of the weights that are kept; empty where there was none."""
    return next((dict(row) for row in reversed(history["validation"]) if row["step"] == history["best_step"]), {})


class HistoryFile:
    """Rows of a history as JSON lines, appended at each checkpoint.

    A checkpoint holds the number of its rows. Rows beyond it, of a run that was killed later, are dropped on reading.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.steps = self.validations = 0  # rows that the file holds
        self._total = hashlib.sha256()  # of these rows

    @property
    def rows(self) -> tuple[int, int]:
        """How many steps and validations the file holds."""
        return self.steps, self.validations

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the rows that the file holds."""
        return self._total.hexdigest()

    def append(self, history: History) -> None:
        """Writes the rows that the file does not hold yet, and flushes them to disk."""
        new: list[dict[str, Trained] | dict[str, Validated]] = [{"step": r} for r in history["steps"][self.steps :]]
        new += [{"validation": row} for row in history["validation"][self.validations :]]
        fresh = self.rows == (0, 0)
        lines = "".join(json.dumps(row) + "\n" for row in new)
        write_durably(self.path, lines.encode(), "wb" if fresh else "ab")
        self._total.update(lines.encode())
        self.steps, self.validations = len(history["steps"]), len(history["validation"])

    def read(self, steps: int, validations: int) -> History | None:
        """The first rows, as many of each as given, or None where the file holds fewer; the file is cut to them."""
        history: History = {"steps": [], "validation": [], "best_step": 0}
        content, kept = self._content(), 0
        for line in content.splitlines(keepends=True):
            if (len(history["steps"]), len(history["validation"])) == (steps, validations):
                break
            row = _row(line)
            if row is None:
                break
            kept += len(line)
            history["steps"] += [row["step"]] if "step" in row else []
            history["validation"] += [row["validation"]] if "validation" in row else []
        if (len(history["steps"]), len(history["validation"])) != (steps, validations):
            return None
        if kept < len(content):  # beside it and renamed, so that a kill meanwhile leaves one of the two
            write_durably(f"{self.path}.new", content[:kept].encode())
            tf.io.gfile.rename(f"{self.path}.new", self.path, overwrite=True)
        self.steps, self.validations, self._total = steps, validations, hashlib.sha256(content[:kept].encode())
        return history

    def _content(self) -> str:
        if not tf.io.gfile.exists(self.path):
            return ""
        with tf.io.gfile.GFile(self.path) as file:
            return file.read()


def _row(line: str) -> dict[str, Any] | None:
    """The row in a line, or None where a kill left only a part of it."""
    try:
        return json.loads(line) if line.endswith("\n") else None
    except json.JSONDecodeError:
        return None


def history_file(checkpoint: str) -> HistoryFile:
    """The history that belongs to the checkpoint at this path; it lies beside it."""
    return HistoryFile(os.path.join(os.path.dirname(checkpoint), "history.jsonl"))
