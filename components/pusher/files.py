"""Moves whole models on any file system of `tf.io.gfile`, so that TF Serving never loads an incomplete one.

A local disk renames a folder in a single step. An object store (`gs://`) has no folders: to rename one is to copy and
remove each file in turn. TF Serving loads nothing without `saved_model.pb`, so there this file is created after all others
and removed before them.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from fcntl import LOCK_EX, flock

import tensorflow as tf

from components.fewshot.faults import in_words
from components.fewshot.integrity import file_digest
from components.fewshot.serving.versions import MODEL_FILE, gfile


def is_local(path: str) -> bool:
    """Returns whether `path` is on a file system that renames folders in a single step."""
    return "://" not in path


def files_in(directory: str) -> list[str]:
    """Returns the paths of all files below `directory`, relative to it; `saved_model.pb` is the last."""
    found = [
        os.path.normpath(os.path.join(os.path.relpath(at, directory), name))
        for at, _, names in gfile.walk(directory)
        for name in names
    ]
    return sorted(found, key=lambda name: (name == MODEL_FILE, name))


def digest(directory: str) -> str:
    """Returns the SHA-256 (hex) of the names and contents of all files below `directory`."""
    total = hashlib.sha256()
    for name in files_in(directory):
        total.update(f"{name}\0".encode())
        total.update(bytes.fromhex(file_digest(os.path.join(directory, name))))
    return total.hexdigest()


def copy(source: str, target: str, leave_out: Collection[str]) -> None:
    """Copies a folder, without the files `leave_out`, to `target`, which must not exist yet."""
    for name in files_in(source):
        if name in leave_out:
            continue
        path = os.path.join(target, name)
        gfile.makedirs(os.path.dirname(path))
        gfile.copy(os.path.join(source, name), path)


def reveal(hidden: str, shown: str) -> None:
    """Moves a folder to where it is served. After a kill halfway it is not served, and the same call completes the move."""
    if is_local(shown):
        _rename(hidden, shown)
        return
    _move_files(hidden, shown, files_in(hidden))


def hide(shown: str, hidden: str) -> None:
    """Moves a folder out of service. After a kill halfway it is not served, and the same call completes the move."""
    if is_local(shown):
        _rename(shown, hidden)
        return
    _move_files(shown, hidden, files_in(shown)[::-1])


def flush(directory: str) -> None:
    """Forces all files of a local folder to disk, so that a power failure after the rename leaves no empty file."""
    if is_local(directory):
        for at, _, names in os.walk(directory):
            for name in (*names, "."):
                sync(os.path.join(at, name))


@contextmanager
def alone(directory: str) -> Iterator[None]:
    """Waits until no other process changes `directory`, and creates it if it does not exist; a kill releases the lock.

    An object store has no locks: two pipelines that push to one bucket need different folders.

    Raises:
      ValueError: the directory cannot be written.
    """
    try:
        gfile.makedirs(directory)
        lock = open(os.path.join(directory, ".lock"), "w") if is_local(directory) else None  # noqa: SIM115  closed below
    except (OSError, tf.errors.OpError) as error:
        reason = in_words(error) or str(error)
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
    sync(os.path.dirname(source))
    sync(os.path.dirname(target))


def _move_files(source: str, target: str, names: list[str]) -> None:
    for name in names:
        path = os.path.join(target, name)
        gfile.makedirs(os.path.dirname(path))
        gfile.rename(os.path.join(source, name), path, overwrite=True)
    if gfile.exists(source):
        gfile.rmtree(source)


def sync(path: str) -> None:
    """Forces a local file, or the names in a local folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
