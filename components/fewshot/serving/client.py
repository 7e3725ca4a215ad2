"""An exported model as a client sees it: only its signatures and its manifest."""

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from components.fewshot import integrity
from components.fewshot.images.decode import refusal
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served_state import ServedState


class Client:
    """What clients of models of every kind share.

    Attributes:
      kind: of the models that it calls.
      manifest: of its model.

    Raises:
      FileNotFoundError: there is no few-shot model in `directory`.
      ValueError: it is a model of another kind.
      Damaged: a file has other bytes than were written.
    """

    kind: ClassVar[str]

    def __init__(self, directory: str) -> None:
        integrity.verify(directory, mend="use another model, or make this one again")
        self.manifest = Manifest.read(directory)
        if self.manifest.kind != self.kind:
            raise ValueError(f"the model at {directory} is one of {self.manifest.kind}; expected one of {self.kind}")
        self._loaded = tf.saved_model.load(directory)  # held, for signatures do not keep it alive

    @property
    def takes_features(self) -> bool:
        """Whether it can adapt and predict by features that `embed` returned, because they are the same in every task."""
        here = hasattr(self._loaded, "see")  # an earlier version exported models without it
        return here and {"adapt_features", "predict_features"} <= self._loaded.signatures.keys()

    def _adapted(self, signature: str, **support: tf.Tensor) -> ServedState:
        state = self._call(signature, **support)
        return ServedState(state["task_state"], int(state["num_classes"]))

    def _under(self, state: ServedState, signature: str, **query: tf.Tensor) -> dict[str, np.ndarray]:
        vector, way = tf.constant(state.vector, tf.float32), tf.constant(state.num_classes)
        return self._call(signature, task_state=vector, num_classes=way, **query)

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


def strings(images: Sequence[bytes]) -> tf.Tensor:
    """Encoded images as string [B]."""
    return tf.constant(list(images), tf.string, shape=[len(images)])


def numbers(name: str, values: np.ndarray, of: str) -> tf.Tensor:
    """Numbers from 0 as int32 [n].

    Args:
      name: of the input that they are.
      values: the numbers.
      of: what is expected, in brackets and words.

    Raises:
      ValueError: they have another shape, or one is negative or too large.
    """
    values = np.asarray(values)
    if values.ndim != 1 or (values.size and not 0 <= values.min() <= values.max() < 2**31):
        raise ValueError(f"{name}: expected {of}, got shape {values.shape} and {values.tolist()[:5]}")
    return tf.constant(values, tf.int32)


def label_numbers(labels: np.ndarray) -> tf.Tensor:
    """Labels of a support set as int32 [S].

    Raises:
      ValueError: they cannot be labels.
    """
    return numbers("support_labels", labels, "[S] in 0..W-1")


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
