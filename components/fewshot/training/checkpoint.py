"""Everything a training run is at one moment, in one file that is replaced at once or not at all."""

import io
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


def save(path: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Writes named arrays and JSON facts beside `path`, flushes them to disk, and renames.

    A kill at any moment leaves the file of before or the file of after.
    """
    buffer = io.BytesIO()
    stored = {**arrays, "__facts__": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    np.savez(buffer, allow_pickle=False, **stored)
    tf.io.gfile.makedirs(os.path.dirname(path))
    beside = f"{path}.new"
    if "://" in path:
        with tf.io.gfile.GFile(beside, "wb") as file:
            file.write(buffer.getvalue())
    else:
        with open(beside, "wb") as local:
            local.write(buffer.getvalue())
            local.flush()
            os.fsync(local.fileno())
    tf.io.gfile.rename(beside, path, overwrite=True)


def load(path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The arrays and facts of the checkpoint at `path`, or None if there is none."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        stored = dict(np.load(io.BytesIO(file.read())))
    facts = json.loads(stored.pop("__facts__").tobytes().decode())
    return stored, facts


def prune(root: str, keep: int) -> None:
    """Removes all but the newest `keep` of the checkpoints `<root>/<key>/<file>`."""
    gfile = tf.io.gfile
    found = [path for path in gfile.glob(os.path.join(root, "*", "*")) if not path.endswith(".new")]
    newest_first = sorted(found, key=lambda path: gfile.stat(path).mtime_nsec, reverse=True)
    for path in newest_first[keep:]:
        gfile.rmtree(os.path.dirname(path))


def checkpoint_file(root: str, key: str) -> str:
    """Where the run with this key keeps its checkpoint: found by what it depends on, not by the execution."""
    return os.path.join(root, key, "checkpoint.npz")
