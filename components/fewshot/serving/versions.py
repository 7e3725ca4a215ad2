"""The versions in a push destination: `<destination>/<version>/`. TF Serving serves the one with the highest number."""

import json
import os
import re

import tensorflow as tf

MODEL_FILE = "saved_model.pb"
SERVED_AGAIN = (
    "remove this version, and a run of its settings pushes it again, or serve an earlier one with `fewshot rollback`"
)

gfile = tf.io.gfile


def numbered(destination: str) -> list[int]:
    """The names in a directory that are numbers, lowest first; none if there is no such directory."""
    if not gfile.isdir(destination):
        return []
    names = (name.rstrip("/") for name in gfile.listdir(destination))
    return sorted(int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name))


def list_versions(destination: str) -> list[int]:
    """The complete versions that TF Serving sees, lowest first; none if there is no such directory."""
    return [version for version in numbered(destination) if holds_model(version_path(destination, version))]


def version_paths(destination: str) -> list[str]:
    """The directories of the complete versions; the last is in production."""
    return [version_path(destination, version) for version in list_versions(destination)]


def served_versions(destination: str, served: str) -> list[str]:
    """The directories of the versions in a push destination.

    Args:
      destination: where models are pushed; empty if nowhere.
      served: the directories as JSON, if they were read before a run, so that they are part of a cache key; empty if
        they are to be read now.
    """
    if served:
        return list(json.loads(served))
    return version_paths(destination) if destination else []


def latest(destination: str) -> str:
    """The directory of the version in production.

    Raises:
      FileNotFoundError: there is no version.
    """
    paths = version_paths(destination)
    if not paths:
        raise FileNotFoundError(f"no pushed model at {destination}: expected a folder <version> with {MODEL_FILE}")
    return paths[-1]


def version_path(destination: str, version: int) -> str:
    """The directory of a version."""
    return os.path.join(destination, str(version))


def holds_model(directory: str) -> bool:
    """Whether TF Serving would load `directory`."""
    return bool(gfile.exists(os.path.join(directory, MODEL_FILE)))
