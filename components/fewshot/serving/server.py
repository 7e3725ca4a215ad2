"""A learner as a SavedModel that adapts when it is called. Its signatures take encoded images, and features where these are the
same in every task."""

from functools import partial

import tensorflow as tf
from keras import ops

from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Learner, TaskState
from components.fewshot.serving.module import LABELS, STATE, STRINGS, WAY, ServingModule, Signature, named
from components.fewshot.serving.state import once
from components.fewshot.tensors import Logits, Preprocess, Scalar, Tensor, Vectors

VECTORS = tf.TensorSpec([None, None], tf.float32)  # the graph itself says which D it takes, in a sentence


class Server(ServingModule):
    """Names whole images. A client in Python also finds `see` and `embed_seen`, the two halves of `embed`: several models often
    see the same in an image."""

    def __init__(self, learner: Learner, preprocess: Preprocess, resources: object = None) -> None:
        super().__init__(learner, preprocess, resources)
        self._temperature = float(learner.temperature)
        seen = tf.TensorSpec([None, *self.see.output_shapes[1:]], self.see.output_dtypes)
        self.embed_seen = tf.function(self._embed, autograph=False).get_concrete_function(seen=seen)

    def signatures(self) -> dict[str, Signature]:
        """The signatures, as concrete functions."""
        found: dict[str, Signature] = {
            "serving_default": named(self.episode, support_images=STRINGS, support_labels=LABELS, query_images=STRINGS),
            "adapt": named(self.adapt, support_images=STRINGS, support_labels=LABELS),
            "predict": named(self.predict, task_state=STATE, num_classes=WAY, query_images=STRINGS),
            "embed": named(self.embed, images=STRINGS),
        }
        if isinstance(self._learner, HeadLearner) and self._learner.has_fixed_features:
            adapt, predict = partial(self.adapt_features, self._learner), partial(self.predict_features, self._learner)
            found["adapt_features"] = named(adapt, support_features=VECTORS, support_labels=LABELS)
            found["predict_features"] = named(predict, task_state=STATE, num_classes=WAY, query_features=VECTORS)
        return found

    def episode(self, support_images: Tensor, support_labels: Tensor, query_images: Tensor) -> dict[str, Tensor]:
        """Adapts and predicts in one call; returns what `predict` does."""
        state, _ = self._adapt(support_images, support_labels)
        return self._predict(state, query_images)

    def adapt(self, support_images: Tensor, support_labels: Tensor) -> dict[str, Tensor]:
        """The task state as one vector, float32 [P], for `predict`."""
        return self._packed(*self._adapt(support_images, support_labels))

    def predict(self, task_state: Tensor, num_classes: Tensor, query_images: Tensor) -> dict[str, Tensor]:
        """Under a task state, probabilities float32 [Q, W], and familiarity float32 [Q]: how well a query fits the class that it
        fits best. Below the threshold in the manifest it is of none of the classes."""
        return self._predict(self._unpacked(task_state, num_classes), query_images)

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Features float32 [B, D] of the base model before adaptation."""
        return self.embed_seen(seen=self.see(encoded=images))

    def adapt_features(
        self, learner: HeadLearner, support_features: Tensor, support_labels: Tensor
    ) -> dict[str, Tensor]:
        """The task state that `adapt` returns for images whose features, as `embed` returns them, are float32 [S, D]."""
        way = self._checked_way("support_features", support_features, support_labels, "image")
        with tf.control_dependencies([way]):
            vectors = self._vectors("support_features", support_features)
        return self._packed(learner.fit(self._current(), vectors, support_labels, way), way)

    def predict_features(
        self, learner: HeadLearner, task_state: Tensor, num_classes: Tensor, query_features: Tensor
    ) -> dict[str, Tensor]:
        """What `predict` returns for images whose features are float32 [Q, D]."""
        state = self._unpacked(task_state, num_classes)
        vectors = self._vectors("query_features", query_features)
        return self._answers(learner.classify(self._current(), state, vectors))

    def _adapt(self, support_images: Tensor, support_labels: Tensor) -> tuple[TaskState, Scalar]:
        way = self._checked_way("support_images", support_images, support_labels, "image")
        with tf.control_dependencies([way]):
            images = self.see(encoded=support_images)
        return self._learner.adapt(self._current(), images, support_labels, way), way

    def _predict(self, state: TaskState, query_images: Tensor) -> dict[str, Tensor]:
        return self._answers(self._learner.predict(self._current(), state, self.see(encoded=query_images)))

    def _answers(self, logits: Logits) -> dict[str, Tensor]:
        return {"probabilities": ops.softmax(logits / self._temperature), "familiarity": ops.max(logits, axis=1)}

    def _embed(self, seen: Tensor) -> dict[str, Tensor]:
        weights = self._current()
        features, _ = self._learner.base(weights.base, weights.state, seen, training=False, batch_statistics=False)
        return {"embeddings": features.vector}

    def _vectors(self, name: str, vectors: Tensor) -> Vectors:
        """The vectors; the graph asserts that they are as long as those of this model."""
        size = self._learner.base.feature_size
        said = f"{name}: expected {size} numbers an image, as `embed` of this model returns them"
        return tf.ensure_shape(once(tf.equal(tf.shape(vectors)[1], size), said, vectors), [None, size])
