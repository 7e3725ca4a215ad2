"""Errors of a run about the disk and the metadata, which come from many libraries, as sentences about what to do."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.commands.disk import full, full_place
from pipeline.history.database import RootError
from pipeline.history.homes import home_of
from pipeline.platforms.local import NodeError


@contextmanager
def trouble_in(root: str, destination: str) -> Iterator[None]:
    """Turns errors about the disk and the metadata into one sentence.

    Args:
      root: directory of the run.
      destination: directory that it pushes to.

    Raises:
      NodeError: a node failed because of them.
      RootError: they came at another time.
    """
    try:
        yield
    except Exception as error:
        sentence = trouble_of(error, root, destination)
        if sentence is None:
            raise
        raise (NodeError(error.node, sentence) if isinstance(error, NodeError) else RootError(sentence)) from error


def trouble_of(error: Exception, root: str, destination: str) -> str | None:
    """Returns the sentence about an error if the disk or the metadata are its cause, or None."""
    if place := full_place(error, [root, destination, tempfile.gettempdir()]):
        return full(place)
    try:
        home = home_of(root)
        return home.trouble()
    except sqlite3.OperationalError as unusable:
        if isinstance(error.__cause__ if isinstance(error, NodeError) else error, ValueError):
            return None  # the error is a sentence of ours
        return f"{home.name} cannot be used ({unusable}); see that this program may read and write it, then run again"
