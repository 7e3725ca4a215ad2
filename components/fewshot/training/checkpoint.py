"""The complete state of a training run in one file, which is replaced as a whole or not at all."""

import io
import json
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from components.fewshot.integrity import Damaged


def save(path: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> None:
    """Writes named arrays and JSON facts beside `path`, flushes them to disk, and renames.

    If the process is killed at any moment, the old file or the new file is there.
    """
    buffer = io.BytesIO()
    stored = {**arrays, "__facts__": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    np.savez(buffer, allow_pickle=False, **stored)
    beside = f"{path}.new"
    write_durably(beside, buffer.getvalue())
    tf.io.gfile.rename(beside, path, overwrite=True)


def write_durably(path: str, content: bytes, mode: Literal["wb", "ab"] = "wb") -> None:
    """Writes a file, or appends to it; on return a local file is on the disk, not only in the system's memory."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    if "://" in path:
        with tf.io.gfile.GFile(path, mode) as file:
            file.write(content)
        return
    with open(path, mode) as local:
        local.write(content)
        local.flush()
        os.fsync(local.fileno())


def load(path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The arrays and facts of the checkpoint at `path`, or None if there is none.

    Raises:
      Damaged: the file has other bytes than were written.
    """
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        content = file.read()
    try:
        stored = dict(np.load(io.BytesIO(content)))
        facts = json.loads(stored.pop("__facts__").tobytes().decode())
    except Exception as error:  # zip files have a checksum for each array; numpy and zipfile raise a dozen kinds
        raise Damaged(path, "it has other bytes than were written") from error
    return stored, facts


def prune(root: str, keep: int) -> None:
    """Removes all but the newest `keep` of the checkpoints, each with its folder `<root>/<key>`."""
    gfile = tf.io.gfile
    newest_first = sorted(
        gfile.glob(checkpoint_file(root, "*")), key=lambda path: gfile.stat(path).mtime_nsec, reverse=True
    )
    for path in newest_first[keep:]:
        gfile.rmtree(os.path.dirname(path))


def checkpoint_file(root: str, key: str) -> str:
    """Path of the checkpoint of the run with this key, a digest of all that the run depends on."""
    return os.path.join(root, key, "checkpoint.npz")
