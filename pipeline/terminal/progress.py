"""Progress of a run and of an evaluation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class NodePrinter:
    """Prints one line per node: its number, its name, and its time, or what became of it otherwise."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._place = stream, ""

    def started(self, node: str, number: int, count: int) -> None:
        """Notes that node `number` of `count` starts. A terminal shows its name until it ends."""
        self._place = f"{number:>2}/{count}"
        if self._stream.isatty():
            self._stream.write(f"{self._place} {node} ...\r")
        self._stream.flush()

    def ended(self, node: str, seconds: float, outcome: str) -> None:
        """Prints the line of a node that has ended: its time, if it was executed."""
        took = f"{seconds:.1f} s" if outcome == "executed" else outcome
        self._stream.write(f"{self._place} {node:<24}{took:>10}\n")
        self._stream.flush()


@contextmanager
def counter(total: int | None, stream: TextIO, what: str = "episodes") -> Iterator[Callable[[int], None]]:
    """Shows a progress bar if `stream` is a terminal.

    Args:
      total: how many there are; None if that is not known.
      stream: where it is shown.
      what: is counted.

    Yields:
      A function that takes the number of those done so far.
    """
    columns = (TextColumn(what), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True, disable=not stream.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
