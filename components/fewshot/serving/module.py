"""What every exported learner has in common: its weights, what its network sees in encoded images, its task state as a vector,
and what it refuses."""

from collections.abc import Callable

import tensorflow as tf

from components.fewshot.images.feed import to_unit_range
from components.fewshot.learners.interface import Learner, TaskState, Weights
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.state import Packing, once
from components.fewshot.tensors import Images, Labels, Preprocess, Scalar, Tensor

STRINGS = tf.TensorSpec([None], tf.string)
LABELS = tf.TensorSpec([None], tf.int32)
STATE, WAY = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)

Signature = Callable[..., dict[str, Tensor]]


class ServingModule(tf.Module):
    """The object that becomes a SavedModel; which signatures it has depends on the kind of its tasks.

    Args:
      learner: with the weights to serve in its variables.
      preprocess: encoded images (string [B]) to pixels [B, H, W, C], as in training.
      resources: objects that `preprocess` needs (a transform layer, lookup tables); they are kept alive.

    Beside its signatures a client in Python finds `see`: what the network sees in encoded images.
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
        # A function, so that the graph of each signature calls it and does not hold it: a model loads in half the time.
        self.see = tf.function(self._see, autograph=False).get_concrete_function(encoded=STRINGS)
        self._packing = Packing(learner)
        self._fixed_way = learner.way if learner.has_fixed_head else None
        self._fixed_head = f"this model has a fixed head: it takes exactly {self._fixed_way} classes"

    def signatures(self) -> dict[str, Signature]:
        """The signatures, as concrete functions."""
        raise NotImplementedError

    def _see(self, encoded: Tensor) -> Images:
        images, trunk = to_unit_range(self._preprocess(encoded)), self._learner.base.trunk
        return trunk([tf.convert_to_tensor(weight) for weight in self._trunk], images) if trunk else images

    def _current(self) -> Weights:
        return Weights._make([tf.convert_to_tensor(variable) for variable in part] for part in self._weights)

    def _packed(self, state: TaskState, way: Scalar) -> dict[str, Tensor]:
        return {"task_state": self._packing.pack(state, way), "num_classes": way}

    def _unpacked(self, task_state: Tensor, num_classes: Tensor) -> TaskState:
        way = self._served(once(num_classes > 0, "num_classes: expected at least 1", num_classes))
        return self._packing.unpack(task_state, way)

    def _checked_way(self, name: str, support: Tensor, labels: Labels, each: str) -> Scalar:
        """Number of classes in the labels; the graph asserts that the labels and this number are valid.

        Args:
          name: of the input that is labelled.
          support: that input, one row for each label.
          labels: of them.
          each: what a row of it is, image or object.
        """
        labels = once(tf.size(labels) > 0, f"{name} is empty: give at least one {each} a class", labels)
        labels = once(
            tf.equal(tf.shape(support)[0], tf.size(labels)), f"{name} and support_labels differ in length", labels
        )
        found = tf.unique(tf.sort(labels))[0]
        gapless = tf.reduce_all(tf.equal(found, tf.range(tf.size(found))))
        said = f"support_labels must be 0..W-1 without gaps, each with an {each}"
        return self._served(once(gapless, said, tf.reduce_max(found) + 1))

    def _served(self, way: Scalar) -> Scalar:
        """The way; the graph asserts that a fixed head has so many classes."""
        return way if self._fixed_way is None else once(tf.equal(way, self._fixed_way), self._fixed_head, way)


def export(server: ServingModule, manifest: Manifest, directory: str) -> None:
    """Writes the SavedModel with its signatures and its manifest to `directory`."""
    # With them TensorFlow would keep every model that a process has loaded, 100 MB each: it never forgets a gradient.
    without_gradients = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(server, directory, signatures=server.signatures(), options=without_gradients)
    manifest.write(directory)


def named(function: Signature, **specs: tf.TensorSpec) -> Signature:
    """The concrete function of a signature whose inputs have these names."""
    given = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    # Without AutoGraph, which would translate all functions of Keras: that is half of the time of an export.
    return tf.function(function, autograph=False).get_concrete_function(**given)
