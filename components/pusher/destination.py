"""A push destination: `<destination>/<version>/`. TF Serving serves the version with the highest number.

    1767225600/      a complete version
    1767312000/      the highest number: the version in production
    .tmp-1767398400/ a version that is being written or removed; after a kill, the next push removes it
    .rolled-back/    versions that a rollback has moved away
    .lock            held by the process that changes the destination

TF Serving ignores every name that is not a number. So a version is written under another name and renamed when it is
complete.

A rollback moves the newer versions away; it does not publish the older model again under a new number. This copies nothing,
so it cannot fail halfway through a copy; a version number always means one content; and moving the versions back undoes it.
A rolled-back number is never used again: the next push gets a higher number than every earlier one.

On an object store (see `files`) a model that is being moved can appear as a numbered folder without `saved_model.pb`.
TF Serving fails to load it, continues with the model that it has loaded, and tries again. Such a folder is not listed here.
"""

import os
import time
from collections.abc import Collection, Mapping

from components.fewshot import integrity
from components.fewshot.serving.manifest import FILE as MANIFEST_FILE
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.production import best_on_same_test
from components.fewshot.serving.versions import (
    MODEL_FILE,
    SERVED_AGAIN,
    gfile,
    holds_model,
    list_versions,
    numbered,
    version_path,
    version_paths,
)
from components.pusher import files

ASIDE = ".rolled-back"
TEMPORARY = ".tmp-"


def list_rolled_back(destination: str) -> list[int]:
    """Returns the versions that a rollback has moved away, lowest first."""
    return list_versions(os.path.join(destination, ASIDE))


def was_removed(path: str) -> bool:
    """Returns whether somebody has removed the version in `path`: there is none, nor a later one, and it is not rolled back.

    The oldest versions are pruned when later ones are pushed; they must not come back.
    """
    destination, version = os.path.split(path)
    later = [*numbered(destination), *list_rolled_back(destination)]
    return not any(number >= int(version) for number in later)


def push_version(
    source: str,
    destination: str,
    keep: int,
    identity: Mapping[str, object],
    metrics: Mapping[str, object] | None = None,
    lineage: Mapping[str, object] | None = None,
) -> str | None:
    """Publishes the SavedModel in `source` as a new version with the highest number; the same push is not repeated.

    Args:
      source: directory of a SavedModel with a manifest.
      destination: directory that TF Serving watches; it is created if it does not exist.
      keep: how many versions are kept, at least 1; of the rolled-back versions the same number is kept. The best version on
        the test set of this one stays as well, because later models are compared with it.
      identity: JSON values that, together with the model, identify this push. The model is known by the fingerprint in its
        manifest, so that the same weights exported again are the same model; without one, by the content of its files.
      metrics: replaces the metrics in the manifest.
      lineage: is added to the lineage in the manifest.

    Returns:
      The directory of the version that this push or an earlier identical push made. None if that version has been rolled
      back since: a pipeline that runs again must not undo a rollback.

    Raises:
      FileNotFoundError: `source` holds no such model.
      ValueError: `keep` is below 1, or the destination cannot be written.
      Damaged: the model, or the version that an earlier identical push made, has other bytes than were written.
    """
    if keep < 1:
        raise ValueError(f"push.keep: expected to keep at least 1 version, got {keep}")
    integrity.verify(source)
    manifest = Manifest.read(source)
    if not holds_model(source):
        raise FileNotFoundError(f"no model to push at {source}: expected a SavedModel with {MODEL_FILE}")
    push = {**identity, "content": manifest.lineage.get("model_fingerprint") or files.digest(source)}
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
        integrity.verify(path, mend=SERVED_AGAIN)
        _prune(destination, keep, spare={path, best_on_same_test(version_paths(destination), Manifest.read(path))})
        _prune(os.path.join(destination, ASIDE), keep)
        return path


def rollback(destination: str, to: int | None = None) -> str:
    """Puts version `to` into production, or the previous version if `to` is None.

    `to` may be a version in the destination or one that was rolled back. All newer versions are moved away. The version in
    production changes only once: with the last move, directly to the requested version.

    Returns:
      The directory of the version that is now in production.

    Raises:
      ValueError: there is no such version, or no previous one.
      Damaged: its files have other bytes than were pushed.
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
            raise ValueError(f"{destination}: no version {target} to roll back to; {there}; choose one of these")
        place = os.path.join(destination, ASIDE) if target in aside else destination
        integrity.verify(version_path(place, target), mend="choose another version (--to)")
        if target in aside:
            files.reveal(version_path(os.path.join(destination, ASIDE), target), version_path(destination, target))
        for version in numbered(destination):
            if version > target:
                files.hide(version_path(destination, version), version_path(os.path.join(destination, ASIDE), version))
        return version_path(destination, target)


def _publish(source: str, destination: str, version: int, manifest: Manifest) -> str:
    beside, path = os.path.join(destination, f"{TEMPORARY}{version}"), version_path(destination, version)
    files.copy(source, beside, leave_out=(MANIFEST_FILE, integrity.LIST))
    manifest.write(beside)
    integrity.seal(beside)
    files.flush(beside)
    files.reveal(beside, path)
    return path


def _settle(destination: str) -> None:
    """Completes what a killed process left unfinished."""
    aside = os.path.join(destination, ASIDE)
    for directory in (destination, aside):
        for name in gfile.listdir(directory) if gfile.isdir(directory) else ():
            name = name.rstrip("/")
            if name.startswith(TEMPORARY):
                shown = os.path.join(directory, name.removeprefix(TEMPORARY))
                if gfile.isdir(shown) and not holds_model(shown):  # other files of it, on an object store
                    gfile.rmtree(shown)
                gfile.rmtree(os.path.join(directory, name))
    for version in set(numbered(destination)) & set(list_rolled_back(destination)):
        files.hide(version_path(destination, version), version_path(aside, version))


def _find(directory: str, push: Mapping[str, object]) -> str | None:
    """Returns the version that an earlier identical push made, or None."""
    for version in reversed(list_versions(directory)):
        path = version_path(directory, version)
        try:
            if Manifest.read(path).lineage.get("push") == push:
                return path
        except (FileNotFoundError, ValueError):
            continue  # pushed by another tool, or by another version of this package
    return None


def _next_version(destination: str) -> int:
    """Returns the seconds since 1970, or more: the number is higher than every number of the destination, even rolled back."""
    ever = numbered(destination) + numbered(os.path.join(destination, ASIDE))
    return max(int(time.time()), *(version + 1 for version in ever), 1)


def _prune(directory: str, keep: int, spare: Collection[str | None] = ()) -> None:
    """Removes all but the newest `keep` versions; each is first moved to a name that TF Serving ignores."""
    for version in list_versions(directory)[:-keep]:
        path, beside = version_path(directory, version), os.path.join(directory, f"{TEMPORARY}{version}")
        if path not in spare:
            files.hide(path, beside)
            gfile.rmtree(beside)


def _listed(versions: list[int]) -> str:
    return ", ".join(map(str, versions)) or "none"
