"""A learner as a SavedModel that adapts when it is called: encoded images in, probabilities out, four signatures."""

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
from keras import ops

from components.fewshot.images.feed import to_unit_range
from components.fewshot.learners.interface import Learner, TaskState, Weights
from components.fewshot.serving.manifest import Manifest

Preprocess = Callable[[tf.Tensor], tf.Tensor]

STRINGS = tf.TensorSpec([None], tf.string)
LABELS = tf.TensorSpec([None], tf.int32)
MISFIT = "task_state does not fit num_classes: give both as `adapt` returned them"


class Server(tf.Module):
    """What the SavedModel holds.

    Args:
      learner: with the weights to serve in its variables.
      preprocess: encoded images (string [B]) to pixels [B, H, W, C], as in training.
      resources: what `preprocess` must keep alive (a transform layer, lookup tables).
    """

    def __init__(self, learner: Learner, preprocess: Preprocess, resources: Any = None) -> None:
        super().__init__()
        self._learner, self._preprocess, self._resources = learner, preprocess, resources
        # The SavedModel owns copies of its own: variables that an optimizer tracks would drag it along.
        self._weights = Weights(
            *([tf.Variable(variable.value, trainable=False) for variable in part] for part in learner.variables())
        )
        self._fixed_way = learner.way if learner.has_fixed_head else None
        self._fixed_head = f"this model has a fixed head: it tells apart exactly {self._fixed_way} classes"

    def signatures(self) -> dict[str, Any]:
        """The signatures, as concrete functions."""
        vector, way = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)
        return {
            "serving_default": _named(
                self.episode, support_images=STRINGS, support_labels=LABELS, query_images=STRINGS
            ),
            "adapt": _named(self.adapt, support_images=STRINGS, support_labels=LABELS),
            "predict": _named(self.predict, task_state=vector, num_classes=way, query_images=STRINGS),
            "embed": _named(self.embed, images=STRINGS),
        }

    def episode(self, support_images: Any, support_labels: Any, query_images: Any) -> dict[str, Any]:
        """Adapts and predicts in one call: probabilities float32 [Q, W]."""
        state, _ = self._adapt(support_images, support_labels)
        return {"probabilities": self._predict(state, query_images)}

    def adapt(self, support_images: Any, support_labels: Any) -> dict[str, Any]:
        """Task state as one vector, float32 [P], to be given back to `predict` as it is."""
        state, way = self._adapt(support_images, support_labels)
        parts = [tf.reshape(state[key], [-1]) for key in self._learner.task_state_shapes(way)]
        return {"task_state": tf.concat(parts, 0), "num_classes": way}

    def predict(self, task_state: Any, num_classes: Any, query_images: Any) -> dict[str, Any]:
        """Probabilities float32 [Q, W] under a task state."""
        return {"probabilities": self._predict(self._unpack(task_state, num_classes), query_images)}

    def embed(self, images: Any) -> dict[str, Any]:
        """Features float32 [B, D] of the base model before adaptation."""
        weights = self._current()
        features, _ = self._learner.base(
            weights.base, weights.state, self._images(images), training=False, batch_statistics=False
        )
        return {"embeddings": features}

    def _adapt(self, support_images: Any, support_labels: Any) -> tuple[TaskState, Any]:
        way = self._checked_way(support_images, support_labels)
        with tf.control_dependencies([way]):
            images = self._images(support_images)
        return self._learner.adapt(self._current(), images, support_labels, way), way

    def _predict(self, state: TaskState, query_images: Any) -> Any:
        return ops.softmax(self._learner.predict(self._current(), state, self._images(query_images)))

    def _images(self, encoded: Any) -> Any:
        return to_unit_range(self._preprocess(encoded))

    def _current(self) -> Weights:
        return Weights(*([tf.convert_to_tensor(variable) for variable in part] for part in self._weights))

    def _unpack(self, vector: Any, way: Any) -> TaskState:
        with tf.control_dependencies([tf.debugging.assert_positive(way, "num_classes: expected at least 1")]):
            shapes = self._learner.task_state_shapes(tf.identity(way))
        sizes, fits = split_sizes(shapes.values(), tf.size(vector))
        checks = [tf.debugging.Assert(fits, [MISFIT])]
        if self._fixed_way is not None:
            checks.append(tf.debugging.assert_equal(way, self._fixed_way, self._fixed_head))
        with tf.control_dependencies(checks):
            parts = tf.split(vector, sizes, num=len(shapes))
        return {key: tf.reshape(part, shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}

    def _checked_way(self, images: Any, labels: Any) -> Any:
        """Number of classes that the labels name; asserts that it can be served."""
        checks = [
            tf.debugging.assert_greater(tf.size(labels), 0, "support_images is empty: give at least one image a class"),
            tf.debugging.assert_equal(
                tf.size(images), tf.size(labels), "support_images and support_labels differ in length"
            ),
        ]
        with tf.control_dependencies(checks):
            found = tf.unique(tf.sort(labels))[0]
            way = tf.reduce_max(found) + 1
        gapless = tf.debugging.assert_equal(
            found, tf.range(tf.size(found)), "support_labels must be 0..W-1 without gaps, each with an image"
        )
        checks = [gapless]
        if self._fixed_way is not None:
            checks.append(tf.debugging.assert_equal(way, self._fixed_way, self._fixed_head))
        with tf.control_dependencies(checks):
            return tf.identity(way)


def split_sizes(shapes: Iterable[tuple[Any, ...]], total: Any) -> tuple[Any, Any]:
    """How a vector of `total` elements is shared out: elements of each shape, int32 [parts], and whether they fit (bool []).

    A shape with a side of -1 takes what the others leave, in whole rows.
    """
    counts = tf.stack([tf.reduce_prod(tf.stack([1, *shape])) for shape in shapes])
    left = total - tf.reduce_sum(tf.maximum(counts, 0))
    row = tf.reduce_sum(tf.maximum(-counts, 0))  # 0 where no side is free
    fits = (left >= 0) & tf.equal(tf.where(row > 0, left % tf.maximum(row, 1), left), 0)
    return tf.where(counts < 0, left, counts), fits


def export(server: Server, manifest: Manifest, directory: str) -> None:
    """Writes the SavedModel with its four signatures and its manifest to `directory`."""
    tf.saved_model.save(server, directory, signatures=server.signatures())
    manifest.write(directory)


def _named(function: Callable[..., Any], **specs: tf.TensorSpec) -> Any:
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    return tf.function(function).get_concrete_function(**named)
