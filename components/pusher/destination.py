"""A push destination: `<destination>/<version>/`, of which TF Serving serves the highest number.

    1767225600/      a version, complete
    1767312000/      the highest: in force
    .tmp-1767398400/ being written or removed; what a kill leaves here goes at the next push
    .rolled-back/    versions that a rollback has moved aside
    .lock            held by whoever changes the destination

TF Serving passes over every name that is not a number, so a version is written beside and renamed when it is whole.

A rollback moves newer versions aside rather than publishing the older model again under a new number: it copies nothing
and so cannot fail halfway through a copy, a version number always means one content, and it is undone by moving back.
Rolled-back numbers still count, so the next push is above everything there ever was.

On an object store (see `files`) a model that is being moved can be seen as a numbered folder without `saved_model.pb`.
TF Serving fails to load it, goes on serving what it has loaded, and tries again; it is never listed here.
"""

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from components.fewshot.serving.manifest import FILE as MANIFEST_FILE
from components.fewshot.serving.manifest import Manifest
from components.pusher import files
from components.pusher.files import MODEL_FILE, gfile, holds_model

ASIDE = ".rolled-back"
TEMPORARY = ".tmp-"


def list_versions(destination: str) -> list[int]:
    """Complete versions that TF Serving sees, lowest first; empty where there is no such directory."""
    return [version for version in _numbered(destination) if holds_model(_path(destination, version))]


def list_rolled_back(destination: str) -> list[int]:
    """Versions that a rollback has moved aside, lowest first."""
    return list_versions(os.path.join(destination, ASIDE))


def latest(destination: str) -> str:
    """Directory of the version in force.

    Raises:
      FileNotFoundError: there is none.
    """
    versions = list_versions(destination)
    if not versions:
        raise FileNotFoundError(f"no pushed model at {destination}: expected a folder <version> with {MODEL_FILE}")
    return _path(destination, versions[-1])


def push_version(
    source: str,
    destination: str,
    keep: int,
    identity: Mapping[str, Any],
    metrics: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> str | None:
    """Publishes the SavedModel in `source` as a new highest version; what is already published is not pushed twice.

    Args:
      source: directory of a SavedModel with a manifest.
      destination: directory that TF Serving watches; made if need be.
      keep: how many versions stay, at least 1; as many stay of those rolled back.
      identity: tells this very push from others, with the model's content; JSON values.
      metrics: replaces the manifest's.
      lineage: goes into the manifest's.

    Returns:
      The version's directory, of this call or of the earlier one that was the same push; None if that one was rolled
      back since, for a pipeline that runs again must not undo what people decided.

    Raises:
      FileNotFoundError: `source` holds no such model.
      ValueError: `keep` is below 1, or the destination cannot be written.
    """
    if keep < 1:
        raise ValueError(f"push.keep: expected at least 1 version to stay, got {keep}")
    manifest = Manifest.read(source)
    if not holds_model(source):
        raise FileNotFoundError(f"no model to push at {source}: expected a SavedModel with {MODEL_FILE}")
    push = {**identity, "content": files.digest(source)}
    with files.alone(destination):
        _settle(destination)
        if _find(os.path.join(destination, ASIDE), push):
            return None
        path = _find(destination, push)
        if path is None:
            version = _next_version(destination)
            manifest.metrics = dict(manifest.metrics if metrics is None else metrics)
            manifest.lineage = manifest.lineage | dict(lineage or {}) | {"push": push, "version": version}
            path = _publish(source, destination, version, manifest)
        _prune(destination, keep, spare=path)
        _prune(os.path.join(destination, ASIDE), keep)
        return path


def rollback(destination: str, to: int | None = None) -> str:
    """Puts another version in force: without `to` the one before, else any that is there or was rolled back.

    Newer versions are moved aside. The version in force changes once, at the last move, straight to the one meant.

    Returns:
      The directory that is in force now.

    Raises:
      ValueError: there is no such version, or none before.
    """
    if not gfile.isdir(destination):
        raise ValueError(f"no push destination at {destination}: expected the directory that holds the versions")
    with files.alone(destination):
        _settle(destination)
        versions, aside = list_versions(destination), list_rolled_back(destination)
        there = f"there are {_listed(versions)}, and rolled back {_listed(aside)}"
        if to is None and len(versions) < 2:
            raise ValueError(f"{destination}: expected an earlier version to roll back to; {there}")
        target = versions[-2] if to is None else to
        if target not in versions + aside:
            raise ValueError(f"{destination}: no version {target} to roll back to; {there}")
        if target in aside:
            files.reveal(_path(os.path.join(destination, ASIDE), target), _path(destination, target))
        for version in _numbered(destination):
            if version > target:
                files.hide(_path(destination, version), _path(os.path.join(destination, ASIDE), version))
        return _path(destination, target)


def _publish(source: str, destination: str, version: int, manifest: Manifest) -> str:
    beside, path = os.path.join(destination, f"{TEMPORARY}{version}"), _path(destination, version)
    files.copy(source, beside, leave_out=MANIFEST_FILE)
    manifest.write(beside)
    files.flush(beside)
    files.reveal(beside, path)
    return path


def _settle(destination: str) -> None:
    """Finishes what a kill interrupted."""
    aside = os.path.join(destination, ASIDE)
    for directory in (destination, aside):
        for name in gfile.listdir(directory) if gfile.isdir(directory) else ():
            name = name.rstrip("/")
            if name.startswith(TEMPORARY):
                shown = os.path.join(directory, name.removeprefix(TEMPORARY))
                if gfile.isdir(shown) and not holds_model(shown):  # the rest of it, on an object store
                    gfile.rmtree(shown)
                gfile.rmtree(os.path.join(directory, name))
    for version in set(_numbered(destination)) & set(list_rolled_back(destination)):
        files.hide(_path(destination, version), _path(aside, version))


def _find(directory: str, push: dict[str, Any]) -> str | None:
    """The version that an earlier, same push made."""
    for version in reversed(list_versions(directory)):
        path = _path(directory, version)
        try:
            if Manifest.read(path).lineage.get("push") == push:
                return path
        except (FileNotFoundError, ValueError):
            continue  # pushed by another tool, or by another version of this one
    return None


def _next_version(destination: str) -> int:
    """Seconds since 1970, but above every number there is, whole or not, in force or rolled back."""
    ever = _numbered(destination) + _numbered(os.path.join(destination, ASIDE))
    return max(int(time.time()), *(version + 1 for version in ever), 1)


def _prune(directory: str, keep: int, spare: str | None = None) -> None:
    """Removes all but the newest `keep` versions, each out of sight before it is taken apart."""
    for version in list_versions(directory)[:-keep]:
        path, beside = _path(directory, version), os.path.join(directory, f"{TEMPORARY}{version}")
        if path != spare:
            files.hide(path, beside)
            gfile.rmtree(beside)


def _numbered(directory: str) -> list[int]:
    if not gfile.isdir(directory):
        return []
    names = (name.rstrip("/") for name in gfile.listdir(directory))
    return sorted(int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name))


def _path(directory: str, version: int) -> str:
    return os.path.join(directory, str(version))


def _listed(versions: list[int]) -> str:
    return ", ".join(map(str, versions)) or "none"
