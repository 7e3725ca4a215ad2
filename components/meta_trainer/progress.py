"""Shows training while it runs: a progress bar on the terminal, and scalars in TensorBoard."""

import sys
from collections.abc import Callable

import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from components.fewshot.training.history import History
from components.fewshot.training.loop import Progress

LINES = 10  # lines printed in all if the output is not a terminal


def tell(sentence: str) -> None:
    """Prints what a user should know although training goes on."""
    print(f"fewshot: {sentence}", file=sys.stderr, flush=True)


class Reporter:
    """Reports each step of a training.

    A resumed run has a new directory, so the reporter first writes the whole history up to now.

    Args:
      name: the name in front of the progress bar.
      directory: where the TensorBoard events are written.
      steps: the planned number of steps.
    """

    def __init__(self, name: str, directory: str, steps: int) -> None:
        self.name, self.steps = name, steps
        self.writer = tf.summary.create_file_writer(directory)
        self.console = Console(file=sys.stderr)
        columns = (TextColumn("  {task.description}"), BarColumn(20), TextColumn("{task.fields[facts]}"))
        self.bar = Bar(*columns, TimeRemainingColumn(), console=self.console, transient=True)
        self.task = self.bar.add_task(name, total=steps, facts="")
        self.steps_written = self.validations_written = 0

    def __call__(self, history: History) -> Callable[[Progress], None]:
        """Takes the history, which training will extend, once for each stage; returns the function to call after each step.

        The history of a stage begins with the rows of those before it.
        """
        self.history = history
        self._write_new()
        if self._shows_bar:
            self.bar.start()
        return self._report

    def close(self) -> None:
        """Ends the progress bar and flushes the events."""
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
                tf.summary.scalar("train/loss", row["loss"], row["step"])
                tf.summary.scalar("train/accuracy", row["accuracy"], row["step"])
                tf.summary.scalar("train/learning_rate", row["learning_rate"], row["step"])
            for judged in self.history["validation"][self.validations_written :]:
                tf.summary.scalar("validation/accuracy", judged["accuracy"], judged["step"])
                tf.summary.scalar("validation/loss", judged["loss"], judged["step"])
        self.steps_written = len(self.history["steps"])
        self.validations_written = len(self.history["validation"])
