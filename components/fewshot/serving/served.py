"""An exported model that names whole images, as a client sees it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.serving.client import Client, label_numbers, strings
from components.fewshot.serving.served_state import ServedState


class Answers(NamedTuple):
    """What a model says of queries."""

    probabilities: np.ndarray  # float32 [Q, W]
    familiarity: np.ndarray  # float32 [Q]: how well a query fits the class that it fits best


class ServedModel(Client):
    """Calls the signatures of the SavedModel in a directory."""

    kind = "classification"

    def episode(self, support: Sequence[bytes], labels: np.ndarray, query: Sequence[bytes]) -> np.ndarray:
        """Probabilities float32 [Q, W] of encoded `query` images, adapted to `support` [S] and its labels [S] in one call.

        Raises:
          ValueError: the model refuses: labels with gaps, another way than its fixed one, an image it cannot read.
        """
        return self.episode_answers(support, labels, query).probabilities

    def episode_answers(self, support: Sequence[bytes], labels: np.ndarray, query: Sequence[bytes]) -> Answers:
        """What `episode` returns, with familiarity."""
        images = {"support_images": strings(support), "query_images": strings(query)}
        return _answers(self._call("serving_default", support_labels=label_numbers(labels), **images))

    def adapt(self, support: Sequence[bytes], labels: np.ndarray) -> ServedState:
        """Task state of encoded support images."""
        return self._adapted("adapt", support_images=strings(support), support_labels=label_numbers(labels))

    def predict(self, state: ServedState, query: Sequence[bytes]) -> np.ndarray:
        """Probabilities float32 [Q, W] of encoded query images under a task state.

        Raises:
          ValueError: the model refuses: a task state of another model, or an image it cannot read.
        """
        return self.answers(state, query).probabilities

    def answers(self, state: ServedState, query: Sequence[bytes]) -> Answers:
        """What `predict` returns, with familiarity."""
        return _answers(self._under(state, "predict", query_images=strings(query)))

    def is_none_of_these(self, familiarity: np.ndarray) -> np.ndarray:
        """Which queries are of none of the classes: bool [Q] for familiarity [Q]; none of them if no threshold was chosen."""
        return familiarity < self.manifest.none_of_these.get("threshold", -np.inf)

    def embed(self, images: Sequence[bytes]) -> np.ndarray:
        """Features float32 [B, D]."""
        return self._call("embed", images=strings(images))["embeddings"]

    def see(self, images: Sequence[bytes]) -> tf.Tensor:
        """What its network sees in encoded images, for `embed_seen` of every model with the same `manifest.reading`."""
        return self._answer(self._loaded.see, encoded=strings(images))

    def embed_seen(self, seen: tf.Tensor) -> np.ndarray:
        """What `embed` returns for images [B], from what `see` returned for them."""
        return self._answer(self._loaded.embed_seen, seen=seen)["embeddings"].numpy()

    def adapt_features(self, support: np.ndarray, labels: np.ndarray) -> ServedState:
        """Task state of support images by their features float32 [S, D]; it is as good for `predict`.

        Raises:
          ValueError: the model refuses, as `adapt` does, or because it has another D, or does not take features.
        """
        vectors = _vectors(support)
        return self._adapted("adapt_features", support_features=vectors, support_labels=label_numbers(labels))

    def predict_features(self, state: ServedState, query: np.ndarray) -> np.ndarray:
        """Probabilities float32 [Q, W] of query images by their features float32 [Q, D], under a task state of either kind.

        Raises:
          ValueError: the model refuses, as `predict` does, or because it has another D, or does not take features.
        """
        return self.answers_by_features(state, query).probabilities

    def answers_by_features(self, state: ServedState, query: np.ndarray) -> Answers:
        """What `predict_features` returns, with familiarity."""
        return _answers(self._under(state, "predict_features", query_features=_vectors(query)))


def _answers(outputs: dict[str, np.ndarray]) -> Answers:
    """The outputs of a signature; a model that was exported without familiarity is as familiar with a query as it is sure."""
    probabilities = outputs["probabilities"]
    sure = probabilities.max(1, initial=0)
    return Answers(probabilities, outputs.get("familiarity", sure))


def _vectors(features: np.ndarray) -> tf.Tensor:
    features = np.asarray(features, np.float32)
    if features.ndim != 2:
        raise ValueError(f"features: expected [B, D] as `embed` returns them, got shape {features.shape}")
    return tf.constant(features)
