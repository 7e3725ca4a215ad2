"""A quiet terminal: what libraries log goes to a file."""

import datetime
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def quietly(root: str | None = None, name: str = "") -> Iterator[None]:
    """Sends what libraries log to `<root>/logs/<name>-<time>.log`, or discards it if there is no local `root`."""
    silence_imports()
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    log = os.path.join(root, "logs", f"{name}-{stamp}.log") if root and "://" not in root else os.devnull
    with noise_to(log):
        yield


def silence_imports() -> None:
    """Hides the messages that TensorFlow prints when it is imported. Call this first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    warnings.filterwarnings("ignore")


@contextmanager
def noise_to(log: str) -> Iterator[TextIO]:
    """Sends everything that is written to file descriptor 2 or to Python's logging to the file `log`.

    `sys.stderr` and the returned stream still write to the terminal.
    """
    os.makedirs(os.path.dirname(log), exist_ok=True)
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    before, handlers, level = sys.stderr, logging.root.handlers[:], logging.root.level
    with open(log, "a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        logging.basicConfig(stream=file, level=logging.INFO, force=True)
        logging.captureWarnings(True)
        try:
            yield terminal
        finally:
            logging.captureWarnings(False)
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
            sys.stderr = before
            terminal.flush()
            os.dup2(terminal.fileno(), 2)
            terminal.close()
