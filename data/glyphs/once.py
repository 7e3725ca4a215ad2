"""Writes a generated set into a folder that appears only when it is complete."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping


def write_once(directory: str, content: Mapping[str, object], write: Callable[[str], None]) -> str:
    """Writes a set, unless it is there already.

    If the process is killed, it leaves `<directory>.unfinished`, which the next call removes.

    Args:
      directory: a local folder. It must not exist yet, or must hold the same set.
      content: what distinguishes this content from any other; its `set` is the name of the set. It is written last, to
        `<set>.json`.
      write: writes the set into a folder that does not exist yet.

    Returns:
      The absolute path of `directory`.

    Raises:
      ValueError: `directory` holds something else.
    """
    directory = os.path.abspath(directory)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    with _alone(f"{directory}.lock"):
        if os.path.exists(directory):
            _check_same(directory, content)
            return directory
        unfinished = f"{directory}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        write(unfinished)
        with open(os.path.join(unfinished, _mark(content)), "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.rename(unfinished, directory)
    return directory


def _mark(content: Mapping[str, object]) -> str:
    return f"{content['set']}.json"


def _check_same(directory: str, content: Mapping[str, object]) -> None:
    try:
        with open(os.path.join(directory, _mark(content)), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, json.JSONDecodeError):
        found = None
    if found != content:
        what = "something else" if found is None else json.dumps(found)
        raise ValueError(
            f"{content['set']} {json.dumps(content)} cannot be written to {directory!r}, which holds {what}: name another"
            " folder or remove this one"
        )


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Locks `path`, so that a second run waits until the first has written the set. The lock ends with its process."""
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
