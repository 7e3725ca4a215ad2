"""What a learner is: an algorithm that adapts a base model to the classes of one episode.

A learner is a handful of pure functions of explicit weights, written in `keras.ops`. It owns the variables it adds to the
base model (a head, inner rates, a relation module), never state between calls. The training loop, the serving signatures
and the evaluator know learners only by this interface.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops
from pydantic import BaseModel, ConfigDict

from components.fewshot.base_models.pure import BatchNorm, PureModel
from components.fewshot.base_models.weights import Weight, names_of
from components.fewshot.episodes.task import Task
from components.fewshot.learners.gradients import value_and_grad

TaskState = dict[str, Any]


class Weights(NamedTuple):
    """All that adaptation starts from, as tensors."""

    base: list[Any]  # trainable weights of the base model
    own: list[Any]  # trainable variables of the learner
    state: list[Any]  # non-trainable weights of the base model
    own_state: Sequence[Any] = ()  # non-trainable variables of the learner


class Aux(NamedTuple):
    """What an episode's loss leaves beside its value."""

    logits: Any  # [Q, way]
    state: list[Any]  # non-trainable weights of the base model afterwards
    own_state: Sequence[Any] = ()  # and those of the learner


class LearnerSettings(BaseModel):
    """Base of every learner's settings.

    Attributes:
      batch_norm: where batch normalisation takes its statistics when a new task is met: `running` averages from
        training, the `support` set, or `transductive`, the query batch itself, so that queries help one another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_norm: BatchNorm = "running"


class Learner(ABC):
    """Base class of learners.

    Args:
      base: the base model.
      settings: of this learner's own `Settings`.
      way: classes of a training episode, or None where they vary.
      train_classes: number of class ids of the training set.
      seed: of the initial values of its own variables.
    """

    Settings: ClassVar[type[LearnerSettings]] = LearnerSettings
    has_fixed_head: ClassVar[bool] = False

    def __init__(
        self, base: PureModel, settings: LearnerSettings, way: int | None, train_classes: int, seed: int = 0
    ) -> None:
        self.base, self.settings = base, settings
        self.way, self.train_classes, self.seed = way, train_classes, seed
        self.own: list[keras.Variable] = self.build()
        self.own_state: list[keras.Variable] = self.build_state()

    def build(self) -> list[keras.Variable]:
        """The variables that this learner adds to the base model; the outer loop trains them."""
        return []

    def build_state(self) -> list[keras.Variable]:
        """Variables of its own that no gradient moves (moments, a count of steps); `loss` returns them in `Aux`."""
        return []

    @abstractmethod
    def adapt(self, weights: Weights, support: Any, labels: Any, way: Any) -> TaskState:
        """Task state of a new task from its support images [S, H, W, C] and labels [S]; inference, not training."""

    @abstractmethod
    def predict(self, weights: Weights, task_state: TaskState, query: Any) -> Any:
        """Logits [Q, way] of query images [Q, H, W, C]."""

    @abstractmethod
    def loss(self, weights: Weights, task: Task) -> tuple[Any, Aux]:
        """Training loss of one episode (scalar)."""

    @abstractmethod
    def task_state_shapes(self, way: Any) -> dict[str, tuple[Any, ...]]:
        """Shape of each tensor of the task state for `way` classes, in the order of packing.

        One dimension of one tensor may be -1: it follows from the size of the support set.
        """

    def gradients(self, weights: Weights, task: Task) -> tuple[Any, list[Any], Aux]:
        """(loss, outer gradients for base + own, aux) of one episode; first-order methods say here what theirs are."""
        split = len(weights.base)

        def loss(trainable: list[Any]) -> tuple[Any, Aux]:
            return self.loss(weights._replace(base=trainable[:split], own=trainable[split:]), task)

        (value, aux), gradients = value_and_grad(loss, weights.base + weights.own)
        return value, gradients, aux

    @property
    def inductive(self) -> bool:
        """Whether a query's prediction never depends on other queries."""
        return self.batch_norm != "transductive"

    @property
    def batch_norm(self) -> str:
        """The mode in force, `none` where the base model has no batch normalisation."""
        return self.settings.batch_norm if self.base.has_batch_norm else "none"

    def support_features(
        self, trainable: list[Any], state: list[Any], support: Any, training: bool
    ) -> tuple[Any, list[Any]]:
        """Features [S, D] of the support set, and the state by which to meet its queries."""
        mode = self.batch_norm
        own_batch = mode in ("support", "transductive") or training
        exactly = mode == "support"
        return self.base(trainable, state, support, training=training, batch_statistics=own_batch, keep_exactly=exactly)

    def query_features(
        self, trainable: list[Any], state: list[Any], query: Any, training: bool
    ) -> tuple[Any, list[Any]]:
        """Features [Q, D] of queries under the state that `support_features` left, and the state afterwards."""
        mode = self.batch_norm
        own_batch = mode == "transductive" or (training and mode == "running")
        return self.base(trainable, state, query, training=training, batch_statistics=own_batch)

    def episode_features(self, weights: Weights, task: Task) -> tuple[Any, Any, list[Any]]:
        """Features [S, D] and [Q, D] of a training episode, and the state afterwards: what a metric learner compares."""
        if self.batch_norm == "support":
            support, state = self.support_features(weights.base, weights.state, task.support, training=True)
            query, state = self.query_features(weights.base, state, task.query, training=True)
            return support, query, self.moved_moments(weights.state, state)
        # One pass over both: the moments of the whole episode, as in the paper's own code.
        images = ops.concatenate([task.support, task.query])
        features, state = self.base(weights.base, weights.state, images, training=True, batch_statistics=True)
        cut = ops.shape(task.support)[0]
        return features[:cut], features[cut:], state

    def keep_state(self, state: list[Any]) -> TaskState:
        """The part of a task state that holds the support set's moments; empty unless they normalise the queries."""
        if self.batch_norm != "support":
            return {}
        named = zip(self.state_weights(), state, strict=True)
        return {f"moment/{weight.name}": tensor for weight, tensor in named if weight.kind == "moment"}

    def kept_state(self, weights: Weights, task_state: TaskState) -> list[Any]:
        """Inverse of `keep_state`: the state by which to meet queries."""
        named = zip(self.state_weights(), weights.state, strict=True)
        return [task_state.get(f"moment/{weight.name}", tensor) for weight, tensor in named]

    def moved_moments(self, before: list[Any], now: list[Any]) -> list[Any]:
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
        base, own, state, own_state = self.variables()
        named = {f"base/{self.base.weights[id(variable)].name}": variable for variable in (*base, *state)}
        added = (*own, *own_state)
        names = names_of(variable.path for variable in added)
        return named | {f"own/{name}": variable for name, variable in zip(names, added, strict=True)}

    def kept_shapes(self) -> dict[str, tuple[Any, ...]]:
        """Shapes of what `keep_state` keeps."""
        return {key: tuple(variable.shape) for key, variable in self.keep_state(self.variables().state).items()}

    def variables(self) -> Weights:
        """Its weights as variables."""
        model = self.base.model
        base, state = list(model.trainable_variables), list(model.non_trainable_variables)
        return Weights(base, list(self.own), state, list(self.own_state))


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Mean cross-entropy of logits [Q, way] against labels [Q]; rows labelled -1 do not count."""
    way = ops.shape(logits)[-1]
    hit = one_hot(labels, way, logits.dtype)
    known = ops.cast(labels >= 0, logits.dtype)
    return -ops.sum(hit * ops.log_softmax(logits)) / ops.maximum(ops.sum(known), 1.0)


def class_means(features: Any, labels: Any, way: Any) -> Any:
    """Mean of the features [S, D] of each class, [way, D]."""
    hit = ops.cast(ops.expand_dims(ops.arange(way, dtype=labels.dtype), 1) == labels, features.dtype)
    return ops.matmul(hit, features) / ops.sum(hit, axis=1, keepdims=True)


def unit(features: Any) -> Any:
    """Rows of features [B, D] at length 1."""
    return features / ops.maximum(ops.norm(features, axis=1, keepdims=True), 1e-8)


def one_hot(labels: Any, way: Any, dtype: Any) -> Any:
    """Labels [S] as rows [S, way] of 0 and 1; a label of -1 is a row of zeros."""
    return ops.cast(ops.expand_dims(labels, 1) == ops.arange(way, dtype=labels.dtype), dtype)


def linear_head(features: int, classes: int, seed: int) -> list[keras.Variable]:
    """Kernel [features, classes] and bias [classes] of a linear classifier."""
    kernel = keras.Variable(keras.initializers.GlorotUniform(seed), shape=(features, classes), name="head_kernel")
    return [kernel, keras.Variable(ops.zeros(classes), name="head_bias")]
