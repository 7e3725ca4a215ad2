"""Gives a directory a path that holds no signs of a pattern.

TFX, Beam and TensorFlow read the paths of artifacts as patterns, so in `run [v2]` they find nothing.
"""

import hashlib
import os
import tempfile

SIGNS = frozenset("*?[\\")


def plain_path(directory: str) -> str:
    """Returns the absolute path of a local directory, or of a link to it if the path holds signs of a pattern.

    The link lies among the caches of the user, or else among temporary files. Its name depends on the directory alone, so that
    later runs find what earlier ones made. The directory is made if need be.

    Raises:
      ValueError: no link can be made.
    """
    directory = os.path.abspath(directory)
    if SIGNS.isdisjoint(directory):
        return directory
    os.makedirs(directory, exist_ok=True)
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    for place in (
        os.path.join(caches, "fewshot-tfx"),
        os.path.join(tempfile.gettempdir(), f"fewshot-tfx-{os.getuid()}"),
    ):
        link = os.path.join(place, name)
        if SIGNS.isdisjoint(link) and _linked(link, directory):
            return link
    raise ValueError(
        f"{directory!r}: TFX reads {' '.join(sorted(SIGNS))} in a path as a pattern, and no link to it can be made:"
        " choose a path without them"
    )


def as_named(path: str, directory: str) -> str:
    """Returns a path below `plain_path(directory)` as a path below the directory itself."""
    directory = os.path.abspath(directory)
    link = plain_path(directory)
    return directory + path.removeprefix(link) if f"{path}/".startswith(f"{link}/") else path


def _linked(link: str, directory: str) -> bool:
    try:
        os.makedirs(os.path.dirname(link), mode=0o700, exist_ok=True)
        if not os.path.lexists(link):
            os.symlink(directory, link)
        return os.readlink(link) == directory and os.lstat(link).st_uid == os.getuid()
    except OSError:
        return False
