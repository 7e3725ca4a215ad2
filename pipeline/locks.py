"""A lock that ends with the process that holds it, however that ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def locked_file(path: str, taken: str) -> Iterator[None]:
    """Locks a file, which is made if it is not there.

    Raises:
      ValueError: another process has locked it; the message is `taken`.
    """
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(taken) from None
        yield
