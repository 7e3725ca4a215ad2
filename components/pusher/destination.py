"""A push destination: `<destination>/<version>/`, of which TF Serving serves the highest number.

A version is written beside, under a name that TF Serving passes over, and renamed when it is whole; a kill at any moment
leaves at most a leftover that the next push removes. Where renaming is no single act (object stores), `saved_model.pb`,
without which nothing is served, is copied last. A rollback moves the newer versions aside, into `.rolled-back/`, and can so
be undone by moving them back; the next push still counts on from the highest number there ever was.
"""

import os
import re
import time
from collections.abc import Callable

import tensorflow as tf

from components.fewshot.manifest import Manifest

ASIDE = ".rolled-back"
UNFINISHED = ".unfinished-"
LAST = "saved_model.pb"

gfile = tf.io.gfile


def list_versions(destination: str) -> list[int]:
    """Versions that are there, in order."""
    if not gfile.exists(destination):
        return []
    names = (name.rstrip("/") for name in gfile.listdir(destination))
    whole = (name for name in names if re.fullmatch(r"\d+", name) and _holds_model(os.path.join(destination, name)))
    return sorted(int(name) for name in whole)


def push_version(
    source: str, destination: str, complete: Callable[[Manifest, int], Manifest], keep: int, same: str
) -> str:
    """Publishes the SavedModel in `source` as a new highest version.

    Args:
      complete: the manifest to publish, given the model's own and the version.
      keep: how many versions stay.
      same: what tells this very push from others (`Manifest.lineage["push"]`): a push that had got through before a kill
        is found by it, and not repeated.

    Returns:
      The directory of the version.
    """
    clean(destination)
    for version in list_versions(destination):
        path = os.path.join(destination, str(version))
        if Manifest.read(path).lineage.get("push") == same:
            return path
    version = max([int(time.time()), *(v + 1 for v in _ever(destination))])
    beside = os.path.join(destination, f"{UNFINISHED}{version}")
    manifest = complete(Manifest.read(source), version)
    _copy(source, beside)
    manifest.model_copy(update={"lineage": manifest.lineage | {"push": same, "version": version}}).write(beside)
    gfile.copy(os.path.join(source, LAST), os.path.join(beside, LAST))
    _flush(beside)
    path = os.path.join(destination, str(version))
    gfile.rename(beside, path)
    _flush(destination)
    for old in list_versions(destination)[:-keep]:
        _remove(os.path.join(destination, str(old)), destination)
    return path


def rollback(destination: str, to: int | None = None) -> str:
    """Serves version `to`, or the one before the highest, again; newer ones are moved aside.

    Returns:
      The directory that is served now.

    Raises:
      ValueError: there is no such version, or none before.
    """
    versions = list_versions(destination)
    exists = ", ".join(map(str, versions)) or "none"
    if to is None and len(versions) < 2:
        raise ValueError(f"{destination}: expected an earlier version to go back to; there are {exists}")
    target = versions[-2] if to is None else to
    if target not in versions:
        raise ValueError(f"{destination}: no version {target}; there are {exists}")
    gfile.makedirs(os.path.join(destination, ASIDE))
    for version in sorted((v for v in versions if v > target), reverse=True):  # at every moment the highest is one of them
        gfile.rename(os.path.join(destination, str(version)), os.path.join(destination, ASIDE, str(version)))
    return os.path.join(destination, str(target))


def clean(destination: str) -> None:
    """Removes what a killed push left."""
    gfile.makedirs(destination)
    for name in gfile.listdir(destination):
        if name.startswith(UNFINISHED):
            gfile.rmtree(os.path.join(destination, name))


def _ever(destination: str) -> list[int]:
    """Every version there is or was rolled back from."""
    return list_versions(destination) + list_versions(os.path.join(destination, ASIDE))


def _holds_model(path: str) -> bool:
    return gfile.exists(os.path.join(path, LAST))


def _copy(source: str, target: str) -> None:
    """Everything but the file without which nothing is served."""
    for directory, _, files in gfile.walk(source):
        inside = os.path.relpath(directory, source)
        gfile.makedirs(os.path.normpath(os.path.join(target, inside)))
        for name in files:
            if os.path.normpath(os.path.join(inside, name)) != LAST:
                gfile.copy(os.path.join(directory, name), os.path.normpath(os.path.join(target, inside, name)))


def _remove(path: str, destination: str) -> None:
    """Takes a version out of sight before it is taken apart."""
    hidden = os.path.join(destination, f"{UNFINISHED}{os.path.basename(path)}")
    gfile.rename(path, hidden)
    gfile.rmtree(hidden)


def _flush(directory: str) -> None:
    """Forces a local directory and its files to disk."""
    if "://" in directory:
        return
    paths = [os.path.join(at, name) for at, _, names in os.walk(directory) for name in (*names, ".")]
    for path in paths if os.path.basename(directory).startswith(UNFINISHED) else [directory]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
