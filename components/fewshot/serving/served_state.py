"""The task state of a served model, as a client keeps it."""

import io
import zipfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class ServedState(NamedTuple):
    """What `adapt` returns and `predict` of the same model takes."""

    vector: np.ndarray  # float32 [P]; its first numbers say which model made it (`serving.state`)
    num_classes: int
    names: tuple[str, ...] = ()  # of the classes, by number, if the caller of `adapt` has given it any

    def save(self, path: str) -> None:
        """Writes the task state to a file, replacing what is there."""
        buffer = io.BytesIO()
        names = np.array(self.names, np.str_)
        np.savez(buffer, allow_pickle=False, vector=self.vector, num_classes=np.int32(self.num_classes), names=names)
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(buffer.getvalue())

    @staticmethod
    def load(path: str) -> "ServedState":
        """The task state that `save` wrote to a file.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file holds no task state.
        """
        if not tf.io.gfile.exists(path):
            raise FileNotFoundError(f"no task state at {path}: expected a file that `ServedState.save` wrote")
        with tf.io.gfile.GFile(path, "rb") as file:
            try:
                stored = np.load(io.BytesIO(file.read()), allow_pickle=False)
                vector, names = stored["vector"].astype(np.float32), tuple(map(str, stored["names"]))
                return ServedState(vector, int(stored["num_classes"]), names)
            except (ValueError, KeyError, TypeError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
                raise ValueError(
                    f"{path} holds no task state: expected a file that `ServedState.save` wrote"
                ) from error
