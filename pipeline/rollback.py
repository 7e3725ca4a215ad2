"""`fewshot rollback`: an earlier version serves again."""

import os

from components.pusher import destination


def rollback(directory: str, to: int | None = None) -> str:
    """Serves version `to` of a push destination, or the one before the highest; returns its directory.

    Raises:
      ValueError: no such destination or version.
    """
    if "://" not in directory and not os.path.isdir(directory):
        raise ValueError(f"--destination {directory}: no such directory; expected where models are pushed to")
    return destination.rollback(directory, to)
