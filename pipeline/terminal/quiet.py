"""A quiet terminal: what libraries log goes to a file."""

import datetime
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from components.fewshot.faults import sentence_of


def begin(line: str, json: bool) -> None:
    """Says what a command is going to do, before it loads what it needs for that."""
    if not json:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def quietly(root: str | None = None, name: str = "") -> Iterator[str | None]:
    """Sends what libraries log, and the traceback of an error, to `<root>/logs/<name>-<time>.log`.

    Without a local `root` it is discarded.

    Yields:
      The path of the log, or None.
    """
    silence_imports()
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    log = os.path.join(root, "logs", f"{name}-{stamp}.log") if root and "://" not in root else None
    with noise_to(log or os.devnull):
        yield log


def silence_imports() -> None:
    """Hides the messages that TensorFlow prints when it is imported. Call this first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    warnings.filterwarnings("ignore")


@contextmanager
def noise_to(log: str) -> Iterator[TextIO]:
    """Sends everything that is written to file descriptor 2 or to Python's logging to the file `log`.

    The traceback of an error goes there too. `sys.stderr` and the returned stream still write to the terminal.
    """
    os.makedirs(os.path.dirname(log), exist_ok=True)
    terminal = os.fdopen(
        os.dup(2), "w", buffering=1, errors="backslashreplace"
    )  # as standard error: names of any bytes
    before, handlers, level = sys.stderr, logging.root.handlers[:], logging.root.level
    with io.TextIOWrapper(io.BufferedWriter(_Log(log, "a")), encoding="utf-8", errors="backslashreplace") as file:
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        logging.basicConfig(stream=file, level=logging.INFO, force=True)
        logging.captureWarnings(True)
        try:
            yield terminal
        except Exception as error:
            traceback.print_exc(file=file)
            foreseen = sentence_of(error) is not None and not hasattr(
                error, "node"
            )  # a node's message is not all of it
            if log != os.devnull and not foreseen:
                error.add_note(f"the traceback is in {log}")
            raise
        finally:
            logging.captureWarnings(False)
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
            sys.stderr = before
            terminal.flush()
            os.dup2(terminal.fileno(), 2)
            terminal.close()


class _Log(io.FileIO):
    """A file that takes what fits on the disk: a run does not fail for its log, nor does it fill the terminal with complaints."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)
