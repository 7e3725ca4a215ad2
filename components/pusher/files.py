"""Moving whole models on any file system of `tf.io.gfile`, so that a served folder is never seen half there.

On a local disk a folder is renamed, one act. An object store (`gs://`) has no folders: what looks like renaming one is
a copy and a removal of each file in turn. There `saved_model.pb`, without which TF Serving loads nothing, appears after
all other files and goes before them.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fcntl import LOCK_EX, flock

import tensorflow as tf

MODEL_FILE = "saved_model.pb"

gfile = tf.io.gfile


def is_local(path: str) -> bool:
    """Whether `path` lies on a file system that renames folders in one act."""
    return "://" not in path


def holds_model(directory: str) -> bool:
    """Whether TF Serving would load `directory`."""
    return bool(gfile.exists(os.path.join(directory, MODEL_FILE)))


def files_in(directory: str) -> list[str]:
    """Paths of all files below `directory`, relative to it; `saved_model.pb` is the last."""
    found = [
        os.path.normpath(os.path.join(os.path.relpath(at, directory), name))
        for at, _, names in gfile.walk(directory)
        for name in names
    ]
    return sorted(found, key=lambda name: (name == MODEL_FILE, name))


def digest(directory: str) -> str:
    """SHA-256 (hex) over names and contents of the files below `directory`."""
    total = hashlib.sha256()
    for name in files_in(directory):
        total.update(f"{name}\0".encode())
        with gfile.GFile(os.path.join(directory, name), "rb") as file:
            content = hashlib.sha256()
            while chunk := file.read(1 << 20):
                content.update(chunk)
        total.update(content.digest())
    return total.hexdigest()


def copy(source: str, target: str, leave_out: str) -> None:
    """Copies a folder, but for the file `leave_out` in it, to `target`, where nothing is yet."""
    for name in files_in(source):
        if name == leave_out:
            continue
        path = os.path.join(target, name)
        gfile.makedirs(os.path.dirname(path))
        gfile.copy(os.path.join(source, name), path)


def reveal(hidden: str, shown: str) -> None:
    """Moves a folder to where it is served; if killed halfway, it is not served, and the same call goes on."""
    if is_local(shown):
        _rename(hidden, shown)
        return
    _move_files(hidden, shown, files_in(hidden))


def hide(shown: str, hidden: str) -> None:
    """Moves a folder away from where it is served; if killed halfway, it is not served, and the same call goes on."""
    if is_local(shown):
        _rename(shown, hidden)
        return
    _move_files(shown, hidden, files_in(shown)[::-1])


def flush(directory: str) -> None:
    """Forces everything below a local folder to disk, so that a power cut after the rename cannot empty a file."""
    if is_local(directory):
        for at, _, names in os.walk(directory):
            for name in (*names, "."):
                _sync(os.path.join(at, name))


@contextmanager
def alone(directory: str) -> Iterator[None]:
    """Waits until no other process changes `directory`, which it makes if need be; a kill leaves no lock behind.

    An object store knows no locks: two pipelines that push to one bucket need a folder each.

    Raises:
      ValueError: it cannot be written.
    """
    try:
        gfile.makedirs(directory)
        lock = open(os.path.join(directory, ".lock"), "w") if is_local(directory) else None  # noqa: SIM115  closed below
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "message", error)
        raise ValueError(
            f"cannot write to the push destination {directory} ({reason}): make it writable or set push.destination"
        ) from error
    with lock or nullcontext():
        if lock:
            flock(lock, LOCK_EX)
        yield


def _rename(source: str, target: str) -> None:
    gfile.makedirs(os.path.dirname(target))
    gfile.rename(source, target)
    _sync(os.path.dirname(source))
    _sync(os.path.dirname(target))


def _move_files(source: str, target: str, names: list[str]) -> None:
    for name in names:
        path = os.path.join(target, name)
        gfile.makedirs(os.path.dirname(path))
        gfile.rename(os.path.join(source, name), path, overwrite=True)
    if gfile.exists(source):
        gfile.rmtree(source)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
