"""The disk under a root: whether it can be written, and which errors say that it cannot, or that it is full."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence

from pipeline.history.database import RootError

PROBE = 1 << 20  # bytes that are written to try a disk

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAID = re.compile("no space left|disk is full|disk quota exceeded|file too large", re.IGNORECASE)  # by libraries
_PATH = re.compile(r"/[^\s:;,'\"\]\[)(]+")


def check_disk(root: str) -> None:
    """Tries to write to `root`, which is made if there is none; leaves nothing else behind.

    Raises:
      RootError: it cannot be written, or its disk is full.
    """
    try:
        os.makedirs(root, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"\0" * PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RootError(full(root) if error.errno in _FULL else unwritable(root, error)) from None


def unwritable(path: str, error: OSError) -> str:
    """Returns the sentence about a directory that cannot be written."""
    return f"{path} cannot be written ({error.strerror or error}); make it writable, or choose another --root"


def full(path: str) -> str:
    """Returns the sentence about a full disk."""
    free = shutil.disk_usage(nearest(path)).free / 1e6
    return (
        f"the disk of {path} is full ({free:.0f} MB free, or a limit is reached); free some space there, then run the same "
        "command again: it goes on from here"
    )


def full_place(error: BaseException, places: Sequence[str]) -> str | None:
    """Returns where there was no space left, or None if the error is another.

    Args:
      error: what a run ended with. The errors behind it are looked at too.
      places: directories that a run writes to; if no error names a path, it is the one with the least free space.
    """
    named: list[str] = []
    is_full = False
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _FULL:
            is_full = True
            named += [os.fsdecode(one.filename)] if isinstance(one.filename, str | bytes) else []
        elif _SAID.search(str(one)):
            is_full = True
            named += [path for path in _PATH.findall(str(one)) if os.path.exists(os.path.dirname(path))]
    if not is_full:
        return None
    inside = [path for path in named if any(path.startswith(place) for place in places)]
    return (inside or [min(places, key=lambda place: shutil.disk_usage(nearest(place)).free)])[0]


def nearest(path: str) -> str:
    """Returns `path` if it is a directory, else the nearest directory above it."""
    path = os.path.abspath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
