"""A terminal for people: what libraries log goes to a file."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def silence_imports() -> None:
    """Keeps TensorFlow's start-up messages back; called before it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    warnings.filterwarnings("ignore")


@contextmanager
def noise_to(log: str) -> Iterator[TextIO]:
    """Everything written to file descriptor 2 and to Python's logging lands in the file `log`; `sys.stderr` and the stream
    given still reach the terminal."""
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
