"""What a learner is: an algorithm that adapts a base model to the classes of one episode.

A learner is a handful of pure functions of explicit weights, written in `keras.ops`. It owns the variables that it adds to
the base model (a head, inner rates, a relation module), and keeps no state between calls. The training loop, the serving
signatures and the evaluator know learners only by this interface.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

import keras
import numpy as np
from keras import ops

from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.weights import Weight, names_of
from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.episodes.task import Batch, Task
from components.fewshot.learners.gradients import value_and_grad
from components.fewshot.settings.learners import LearnerSettings, TrainingUnit
from components.fewshot.tensors import Features, Images, Labels, Logits, Scalar, Tensor, Way

Unit = TypeVar("Unit", Task, Batch, SceneTask, SceneBatch)

TaskState = dict[str, Tensor]
"""What `adapt` returns and `predict` takes: tensors by name, of the shapes in `Learner.task_state_parts`."""


class Part(NamedTuple):
    """One tensor of a task state.

    Attributes:
      shape: a side of None is free: it may depend on the support set.
      dtype: of the tensor, by its name in Keras.
    """

    shape: tuple[Way | None, ...]
    dtype: str = "float32"


class Weights(NamedTuple):
    """All that adaptation starts from, as tensors."""

    base: list[Tensor]  # trainable weights of the base model
    own: list[Tensor]  # trainable variables of the learner
    state: list[Tensor]  # non-trainable weights of the base model
    own_state: Sequence[Tensor] = ()  # non-trainable variables of the learner


class Aux(NamedTuple):
    """What a loss leaves beside its value."""

    logits: Logits  # [B, classes]
    targets: (
        Tensor  # what they are compared with: labels [B], below 0 where a row does not count, or shares [B, classes]
    )
    state: list[Tensor]  # non-trainable weights of the base model afterwards
    own_state: Sequence[Tensor] = ()  # and those of the learner


class Outer(NamedTuple):
    """What one training unit asks of the outer optimizer."""

    loss: Scalar
    gradients: list[Tensor]  # one for each of `Weights.base` and `Weights.own`, times the scale
    aux: Aux


class Learner(ABC, Generic[Unit]):
    """Base class of learners.

    Args:
      base: the base model.
      settings: values of this learner's own `Settings`.
      way: classes of a training episode, or None where the number varies.
      train_classes: number of class ids of the training set.
      seed: of the initial values of its own variables.

    Attributes:
      unit: what the learner is trained on: an `episode` (a `Task`), or a `Batch` of `shuffled` images of all classes, or
        one that is `grouped`, several images of each of its classes.
      has_fixed_head: whether it can tell apart only as many classes as in training.
      temperature: the logits are divided by it before the softmax. It is fitted after training, so that probabilities mean
        what they say (Guo et al. 2017); no prediction changes by it.
    """

    Settings: ClassVar[type[LearnerSettings]] = LearnerSettings
    unit: ClassVar[TrainingUnit] = "episode"
    has_fixed_head: ClassVar[bool] = False

    def __init__(
        self, base: PureModel, settings: LearnerSettings, way: int | None, train_classes: int, seed: int = 0
    ) -> None:
        self.base, self.settings = base, settings
        self.way, self.train_classes, self.seed = way, train_classes, seed
        self.own: list[keras.Variable] = self.build()
        self.own_state: list[keras.Variable] = self.build_state()
        self.temperature = keras.Variable(1.0, dtype="float32", trainable=False, name="temperature")

    def build(self) -> list[keras.Variable]:
        """The variables that this learner adds to the base model; the outer loop trains them."""
        return []

    def build_state(self) -> list[keras.Variable]:
        """Variables of its own that no gradient moves (moments, a count of steps); `loss` returns them in `Aux`."""
        return []

    @property
    def observes(self) -> bool:
        """Whether it needs to see the features of the training classes before it is trained."""
        return False

    def observe(self, vectors: np.ndarray, labels: np.ndarray) -> None:
        """Sets variables of its own that follow from feature vectors [N, D] of the training classes and their labels [N]. They
        are those of the base model as a stage of training finds it."""

    @abstractmethod
    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """Task state of a new task from its support images [S, H, W, C] and labels [S]; inference, not training."""

    @abstractmethod
    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """Logits [Q, way] of query images [Q, H, W, C]."""

    @abstractmethod
    def loss(self, weights: Weights, unit: Unit) -> tuple[Scalar, Aux]:
        """Training loss of one unit."""

    @abstractmethod
    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """Shape and dtype of each tensor of the task state for `way` classes."""

    def objective(self, weights: Weights, unit: Unit) -> tuple[Scalar, Aux]:
        """What the outer loop minimises: the loss, and the regularisation losses of the base model."""
        loss, aux = self.loss(weights, unit)
        penalty = self.base.penalty(weights.base)
        return (loss if penalty is None else loss + penalty), aux

    def probabilities(self, logits: Logits) -> Tensor:
        """Probabilities [Q, way] of the logits that `predict` returned."""
        return ops.softmax(self.calibrated(logits))

    def calibrated(self, logits: Logits) -> Logits:
        """The logits [Q, way] divided by the temperature."""
        return logits / ops.cast(self.temperature, logits.dtype)

    def outer_step(self, weights: Weights, unit: Unit, scale: Scalar | float = 1.0) -> Outer:
        """The outer step of one unit: by default the gradient of the objective. A learner with a rule of its own (the
        difference of adapted and initial weights, as in Reptile) returns it here in the gradient's place.

        Args:
          scale: of the gradients, so that float16 does not lose small ones.
        """
        split = len(weights.base)

        def objective(trainable: list[Tensor]) -> tuple[Scalar, tuple[Scalar, Aux]]:
            loss, aux = self.objective(weights._replace(base=trainable[:split], own=trainable[split:]), unit)
            return loss * scale, (loss, aux)

        (_, (loss, aux)), gradients = value_and_grad(objective, weights.base + weights.own)
        return Outer(loss, gradients, aux)

    @property
    def inductive(self) -> bool:
        """Whether a query's prediction never depends on other queries."""
        return self.batch_norm != "transductive"

    @property
    def has_fixed_features(self) -> bool:
        """Whether an image has the same features in every task, those of the base model before adaptation."""
        return False

    @property
    def batch_norm(self) -> str:
        """The mode in force, `none` where the base model has no batch normalisation."""
        return self.settings.batch_norm if self.base.has_batch_norm else "none"

    def support_features(
        self, trainable: list[Tensor], state: list[Tensor], support: Images, training: bool
    ) -> tuple[Features, list[Tensor]]:
        """Features of the support set, and the state under which its queries are normalised."""
        mode = self.batch_norm
        own_batch = mode in ("support", "transductive") or training
        exactly = mode == "support"
        return self.base(trainable, state, support, training=training, batch_statistics=own_batch, keep_exactly=exactly)

    def query_features(
        self, trainable: list[Tensor], state: list[Tensor], query: Images, training: bool
    ) -> tuple[Features, list[Tensor]]:
        """Features of queries under the state that `support_features` returned, and the state afterwards."""
        mode = self.batch_norm
        own_batch = mode == "transductive" or (training and mode == "running")
        return self.base(trainable, state, query, training=training, batch_statistics=own_batch)

    def episode_features(self, weights: Weights, task: Task) -> tuple[Features, Features, list[Tensor]]:
        """Features of support and query of a training episode, and the state afterwards: what a metric learner compares."""
        if self.batch_norm == "support":
            support, state = self.support_features(weights.base, weights.state, task.support, training=True)
            query, state = self.query_features(weights.base, state, task.query, training=True)
            return support, query, self.moved_moments(weights.state, state)
        # One pass over both: the moments of the whole episode, as in the paper's own code.
        images = ops.concatenate([task.support, task.query])
        features, state = self.base(weights.base, weights.state, images, training=True, batch_statistics=True)
        cut = ops.shape(task.support)[0]
        return features.part(None, cut), features.part(cut, None), state

    def keep_state(self, state: list[Tensor]) -> TaskState:
        """The part of a task state that holds the support set's moments; empty unless they normalise the queries."""
        if self.batch_norm != "support":
            return {}
        named = zip(self.state_weights(), state, strict=True)
        return {f"moment/{weight.name}": tensor for weight, tensor in named if weight.kind == "moment"}

    def kept_state(self, weights: Weights, task_state: TaskState) -> list[Tensor]:
        """Inverse of `keep_state`: the state under which queries are normalised."""
        named = zip(self.state_weights(), weights.state, strict=True)
        return [task_state.get(f"moment/{weight.name}", tensor) for weight, tensor in named]

    def kept_parts(self) -> dict[str, Part]:
        """Shapes and dtypes of what `keep_state` keeps."""
        kept = self.keep_state(self.variables().state)
        return {key: Part(tuple(variable.shape), variable.dtype) for key, variable in kept.items()}

    def moved_moments(self, before: list[Tensor], now: list[Tensor]) -> list[Tensor]:
        """The state that outlives a training episode. Where the support set's moments were kept exactly, the stored ones
        move from `before` to `now` by their layer's momentum; everything else is as it is now."""
        if self.batch_norm != "support":
            return now
        return [
            old + (1.0 - weight.momentum) * (new - old) if weight.kind == "moment" else new
            for weight, old, new in zip(self.state_weights(), before, now, strict=True)
        ]

    def state_weights(self) -> list[Weight]:
        """The base model's weights that are not trained, in the order of `Weights.state`."""
        return [self.base.weights[id(variable)] for variable in self.base.model.non_trainable_variables]

    def named_variables(self) -> dict[str, keras.Variable]:
        """All its variables by name; the base model's under `base/`, its own under `own/`."""
        weights: Weights = self.variables()
        named = {f"base/{self.base.weights[id(v)].name}": v for v in [*weights.base, *weights.state]}
        added = [*weights.own, *weights.own_state, self.temperature]
        names = names_of(variable.path for variable in added)
        return named | {f"own/{name}": variable for name, variable in zip(names, added, strict=True)}

    def variables(self) -> Weights:
        """Its weights as variables."""
        model = self.base.model
        base: list[Tensor] = list(model.trainable_variables)
        state: list[Tensor] = list(model.non_trainable_variables)
        return Weights(base, list(self.own), state, list(self.own_state))

    def values(self) -> Weights:
        """Its weights as they are now."""
        return Weights._make([variable.value for variable in part] for part in self.variables())
