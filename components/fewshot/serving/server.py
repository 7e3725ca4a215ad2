"""A learner as a SavedModel that adapts when it is called. Its signatures take encoded images, and features where these are the
same in every task."""

from collections.abc import Callable
from functools import partial

import tensorflow as tf
from keras import ops

from components.fewshot.images.feed import to_unit_range
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.interface import Learner, TaskState, Weights
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.state import Packing, once
from components.fewshot.tensors import Images, Labels, Logits, Preprocess, Scalar, Tensor, Vectors

STRINGS = tf.TensorSpec([None], tf.string)
LABELS = tf.TensorSpec([None], tf.int32)
VECTORS = tf.TensorSpec([None, None], tf.float32)  # the graph itself says which D it takes, in a sentence

Signature = Callable[..., dict[str, Tensor]]


class Server(tf.Module):
    """The object that becomes the SavedModel.

    Args:
      learner: with the weights to serve in its variables.
      preprocess: encoded images (string [B]) to pixels [B, H, W, C], as in training.
      resources: objects that `preprocess` needs (a transform layer, lookup tables); they are kept alive.

    Beside its signatures a client in Python finds `see` and `embed_seen`, the two halves of `embed`: several models often see the
    same in an image.
    """

    def __init__(self, learner: Learner, preprocess: Preprocess, resources: object = None) -> None:
        super().__init__()
        self._learner, self._preprocess, self._resources = learner, preprocess, resources
        # Copies: the learner's own variables belong to an optimizer, which would be saved with them.
        self._weights = Weights._make(
            [tf.Variable(value, trainable=False) for value in part] for part in learner.values()
        )
        self._trunk = (
            [tf.Variable(value, trainable=False) for value in learner.base.trunk.values()] if learner.base.trunk else []
        )
        self._temperature = float(learner.temperature)
        # A function, so that the graph of each signature calls it and does not hold it: a model loads in half the time.
        self.see = tf.function(self._see, autograph=False).get_concrete_function(encoded=STRINGS)
        seen = tf.TensorSpec([None, *self.see.output_shapes[1:]], self.see.output_dtypes)
        self.embed_seen = tf.function(self._embed, autograph=False).get_concrete_function(seen=seen)
        self._packing = Packing(learner)
        self._fixed_way = learner.way if learner.has_fixed_head else None
        self._fixed_head = f"this model has a fixed head: it takes exactly {self._fixed_way} classes"

    def signatures(self) -> dict[str, Signature]:
        """The signatures, as concrete functions."""
        vector, way = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)
        found: dict[str, Signature] = {
            "serving_default": _named(
                self.episode, support_images=STRINGS, support_labels=LABELS, query_images=STRINGS
            ),
            "adapt": _named(self.adapt, support_images=STRINGS, support_labels=LABELS),
            "predict": _named(self.predict, task_state=vector, num_classes=way, query_images=STRINGS),
            "embed": _named(self.embed, images=STRINGS),
        }
        if isinstance(self._learner, HeadLearner) and self._learner.has_fixed_features:
            adapt, predict = partial(self.adapt_features, self._learner), partial(self.predict_features, self._learner)
            found["adapt_features"] = _named(adapt, support_features=VECTORS, support_labels=LABELS)
            found["predict_features"] = _named(predict, task_state=vector, num_classes=way, query_features=VECTORS)
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
        way = self._checked_way("support_features", support_features, support_labels)
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
        way = self._checked_way("support_images", support_images, support_labels)
        with tf.control_dependencies([way]):
            images = self.see(encoded=support_images)
        return self._learner.adapt(self._current(), images, support_labels, way), way

    def _predict(self, state: TaskState, query_images: Tensor) -> dict[str, Tensor]:
        return self._answers(self._learner.predict(self._current(), state, self.see(encoded=query_images)))

    def _answers(self, logits: Logits) -> dict[str, Tensor]:
        return {"probabilities": ops.softmax(logits / self._temperature), "familiarity": ops.max(logits, axis=1)}

    def _packed(self, state: TaskState, way: Scalar) -> dict[str, Tensor]:
        return {"task_state": self._packing.pack(state, way), "num_classes": way}

    def _unpacked(self, task_state: Tensor, num_classes: Tensor) -> TaskState:
        way = self._served(once(num_classes > 0, "num_classes: expected at least 1", num_classes))
        return self._packing.unpack(task_state, way)

    def _embed(self, seen: Tensor) -> dict[str, Tensor]:
        weights = self._current()
        features, _ = self._learner.base(weights.base, weights.state, seen, training=False, batch_statistics=False)
        return {"embeddings": features.vector}

    def _see(self, encoded: Tensor) -> Images:
        images, trunk = to_unit_range(self._preprocess(encoded)), self._learner.base.trunk
        return trunk([tf.convert_to_tensor(weight) for weight in self._trunk], images) if trunk else images

    def _vectors(self, name: str, vectors: Tensor) -> Vectors:
        """The vectors; the graph asserts that they are as long as those of this model."""
        size = self._learner.base.feature_size
        said = f"{name}: expected {size} numbers an image, as `embed` of this model returns them"
        return tf.ensure_shape(once(tf.equal(tf.shape(vectors)[1], size), said, vectors), [None, size])

    def _current(self) -> Weights:
        return Weights._make([tf.convert_to_tensor(variable) for variable in part] for part in self._weights)

    def _checked_way(self, name: str, support: Tensor, labels: Labels) -> Scalar:
        """Number of classes in the labels; the graph asserts that the labels and this number are valid."""
        labels = once(tf.size(labels) > 0, f"{name} is empty: give at least one image a class", labels)
        labels = once(
            tf.equal(tf.shape(support)[0], tf.size(labels)), f"{name} and support_labels differ in length", labels
        )
        found = tf.unique(tf.sort(labels))[0]
        gapless = tf.reduce_all(tf.equal(found, tf.range(tf.size(found))))
        said = "support_labels must be 0..W-1 without gaps, each with an image"
        return self._served(once(gapless, said, tf.reduce_max(found) + 1))

    def _served(self, way: Scalar) -> Scalar:
        """The way; the graph asserts that a fixed head has so many classes."""
        return way if self._fixed_way is None else once(tf.equal(way, self._fixed_way), self._fixed_head, way)


def export(server: Server, manifest: Manifest, directory: str) -> None:
    """Writes the SavedModel with its signatures and its manifest to `directory`."""
    # With them TensorFlow would keep every model that a process has loaded, 100 MB each: it never forgets a gradient.
    without_gradients = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(server, directory, signatures=server.signatures(), options=without_gradients)
    manifest.write(directory)


def _named(function: Signature, **specs: tf.TensorSpec) -> Signature:
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    # Without AutoGraph, which would translate all functions of Keras: that is half of the time of an export.
    return tf.function(function, autograph=False).get_concrete_function(**named)
