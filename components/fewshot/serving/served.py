"""An exported model as a client sees it: only its signatures and its manifest."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot import integrity
from components.fewshot.images.decode import refusal
from components.fewshot.serving.manifest import Manifest


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


class Answers(NamedTuple):
    """What a model says of queries."""

    probabilities: np.ndarray  # float32 [Q, W]
    familiarity: np.ndarray  # float32 [Q]: how well a query fits the class that it fits best


class ServedModel:
    """Calls the signatures of the SavedModel in `directory`.

    Raises:
      FileNotFoundError: there is no few-shot model.
      Damaged: a file has other bytes than were written.
    """

    def __init__(self, directory: str) -> None:
        integrity.verify(directory, mend="use another model, or make this one again")
        self.manifest = Manifest.read(directory)
        self._loaded = tf.saved_model.load(directory)  # held, for signatures do not keep it alive

    def episode(self, support: Sequence[bytes], labels: np.ndarray, query: Sequence[bytes]) -> np.ndarray:
        """Probabilities float32 [Q, W] of encoded `query` images, adapted to `support` [S] and its labels [S] in one call.

        Raises:
          ValueError: the model refuses: labels with gaps, another way than its fixed one, an image it cannot read.
        """
        return self.episode_answers(support, labels, query).probabilities

    def episode_answers(self, support: Sequence[bytes], labels: np.ndarray, query: Sequence[bytes]) -> Answers:
        """What `episode` returns, with familiarity."""
        images = {"support_images": _strings(support), "query_images": _strings(query)}
        return _answers(self._call("serving_default", support_labels=_labels(labels), **images))

    def adapt(self, support: Sequence[bytes], labels: np.ndarray) -> ServedState:
        """Task state of encoded support images."""
        state = self._call("adapt", support_images=_strings(support), support_labels=_labels(labels))
        return ServedState(state["task_state"], int(state["num_classes"]))

    def predict(self, state: ServedState, query: Sequence[bytes]) -> np.ndarray:
        """Probabilities float32 [Q, W] of encoded query images under a task state.

        Raises:
          ValueError: the model refuses: a task state of another model, or an image it cannot read.
        """
        return self.answers(state, query).probabilities

    def answers(self, state: ServedState, query: Sequence[bytes]) -> Answers:
        """What `predict` returns, with familiarity."""
        return self._predict("predict", state, query_images=_strings(query))

    def is_none_of_these(self, familiarity: np.ndarray) -> np.ndarray:
        """Which queries are of none of the classes: bool [Q] for familiarity [Q]; none of them if no threshold was chosen."""
        return familiarity < self.manifest.none_of_these.get("threshold", -np.inf)

    def embed(self, images: Sequence[bytes]) -> np.ndarray:
        """Features float32 [B, D]."""
        return self._call("embed", images=_strings(images))["embeddings"]

    def see(self, images: Sequence[bytes]) -> tf.Tensor:
        """What its network sees in encoded images, for `embed_seen` of every model with the same `manifest.reading`."""
        return self._answer(self._loaded.see, encoded=_strings(images))

    def embed_seen(self, seen: tf.Tensor) -> np.ndarray:
        """What `embed` returns for images [B], from what `see` returned for them."""
        return self._answer(self._loaded.embed_seen, seen=seen)["embeddings"].numpy()

    @property
    def takes_features(self) -> bool:
        """Whether it can adapt and predict by features that `embed` returned, because they are the same in every task."""
        here = hasattr(self._loaded, "see")  # an earlier version exported models without it
        return here and {"adapt_features", "predict_features"} <= self._loaded.signatures.keys()

    def adapt_features(self, support: np.ndarray, labels: np.ndarray) -> ServedState:
        """Task state of support images by their features float32 [S, D]; it is as good for `predict`.

        Raises:
          ValueError: the model refuses, as `adapt` does, or because it has another D, or does not take features.
        """
        state = self._call("adapt_features", support_features=_vectors(support), support_labels=_labels(labels))
        return ServedState(state["task_state"], int(state["num_classes"]))

    def predict_features(self, state: ServedState, query: np.ndarray) -> np.ndarray:
        """Probabilities float32 [Q, W] of query images by their features float32 [Q, D], under a task state of either kind.

        Raises:
          ValueError: the model refuses, as `predict` does, or because it has another D, or does not take features.
        """
        return self.answers_by_features(state, query).probabilities

    def answers_by_features(self, state: ServedState, query: np.ndarray) -> Answers:
        """What `predict_features` returns, with familiarity."""
        return self._predict("predict_features", state, query_features=_vectors(query))

    def _predict(self, signature: str, state: ServedState, **query: tf.Tensor) -> Answers:
        vector, way = tf.constant(state.vector, tf.float32), tf.constant(state.num_classes)
        return _answers(self._call(signature, task_state=vector, num_classes=way, **query))

    def _call(self, signature: str, **inputs: tf.Tensor) -> dict[str, np.ndarray]:
        if signature not in self._loaded.signatures:
            exist = ", ".join(sorted(self._loaded.signatures))
            raise ValueError(f"the model has no signature {signature!r}; it has {exist}")
        answer = self._answer(self._loaded.signatures[signature], **inputs)
        return {key: value.numpy() for key, value in answer.items()}

    def _answer(self, function: Callable[..., Any], **inputs: tf.Tensor) -> Any:
        try:
            return function(**inputs)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"the model refuses: {_reason(error)}") from error


def _answers(outputs: dict[str, np.ndarray]) -> Answers:
    """The outputs of a signature; a model that was exported without familiarity is as familiar with a query as it is sure."""
    probabilities = outputs["probabilities"]
    sure = probabilities.max(1, initial=0)
    return Answers(probabilities, outputs.get("familiarity", sure))


def _strings(images: Sequence[bytes]) -> tf.Tensor:
    return tf.constant(list(images), tf.string, shape=[len(images)])


def _vectors(features: np.ndarray) -> tf.Tensor:
    features = np.asarray(features, np.float32)
    if features.ndim != 2:
        raise ValueError(f"features: expected [B, D] as `embed` returns them, got shape {features.shape}")
    return tf.constant(features)


def _labels(labels: np.ndarray) -> tf.Tensor:
    labels = np.asarray(labels)
    if labels.ndim != 1 or (labels.size and not 0 <= labels.min() <= labels.max() < 2**31):
        raise ValueError(f"support_labels: expected [S] in 0..W-1, got shape {labels.shape} and {labels.tolist()[:5]}")
    return tf.constant(labels, tf.int32)


# Lines that TensorFlow adds to the message of an error.
_AROUND = re.compile(
    r"^(Graph execution error|Detected at node|<stack traces|\[\[|Function call stack|\d+ root error)|^\s*$"
)


def _reason(error: tf.errors.InvalidArgumentError) -> str:
    """The reason that the graph gives, or the first line that is not one of these."""
    if refused := refusal(error):
        return refused
    lines = [line.strip() for line in error.message.splitlines()]
    said = next((line for line in lines if not _AROUND.match(line)), "no reason given")
    return re.sub(r"^\(\d+\) \w+:\s*|^\{\{.*?\}\}\s*", "", said)
