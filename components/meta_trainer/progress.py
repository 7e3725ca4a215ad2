"""What is seen of training while it runs: a progress bar on the terminal, scalars in TensorBoard."""

import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from components.fewshot.training.loop import Progress

LINES = 10  # printed in all where the output is no terminal


class Reporter:
    """Called after each step. It writes the history so far anew, for a resumed run has a new directory.

    Args:
      name: shown in front.
      directory: of the TensorBoard events.
      steps: planned.
    """

    def __init__(self, name: str, directory: str, steps: int) -> None:
        self.name, self.steps = name, steps
        self.writer = tf.summary.create_file_writer(directory)
        self.console = Console(file=sys.stderr)
        columns = (TextColumn("  {task.description}"), BarColumn(20), TextColumn("{task.fields[facts]}"))
        self.bar = Bar(*columns, TimeRemainingColumn(), console=self.console, transient=True)
        self.task = self.bar.add_task(name, total=steps, facts="")
        self.steps_written = self.validations_written = 0

    def __call__(self, history: dict[str, Any]) -> Callable[[Progress], None]:
        """Takes the history up to now, which training goes on to fill; returns what is called after each step."""
        self.history = history
        self._write_new()
        if self._shows_bar:
            self.bar.start()
        return self._report

    def close(self) -> None:
        """Ends the bar and flushes the events."""
        self._write_new()
        if self._shows_bar:
            self.bar.stop()
        self.writer.close()

    @property
    def _shows_bar(self) -> bool:
        return self.console.is_terminal and self.steps > 0

    def _report(self, progress: Progress) -> None:
        self._write_new()
        facts = f"{progress.step}/{progress.steps} loss {progress.loss:.3f} acc {progress.accuracy:.3f}"
        if progress.validation_accuracy is not None:
            facts += f" val {progress.validation_accuracy:.4f}"
        self.bar.update(self.task, completed=progress.step, facts=facts)
        if not self._shows_bar and progress.step % max(1, self.steps // LINES) == 0:
            print(f"  {self.name} {facts}", file=sys.stderr, flush=True)

    def _write_new(self) -> None:
        with self.writer.as_default():
            for row in self.history["steps"][self.steps_written :]:
                for key in ("loss", "accuracy", "learning_rate"):
                    tf.summary.scalar(f"train/{key}", row[key], row["step"])
            for row in self.history["validation"][self.validations_written :]:
                for key in ("accuracy", "loss"):
                    tf.summary.scalar(f"validation/{key}", row[key], row["step"])
        self.steps_written = len(self.history["steps"])
        self.validations_written = len(self.history["validation"])
