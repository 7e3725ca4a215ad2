"""The compiled outer step: the gradients of the units on their devices, and one move of the optimizer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import keras
import tensorflow as tf

from components.fewshot.base_models.precision import computing_in
from components.fewshot.base_models.weights import Weight
from components.fewshot.episodes.task import TrainingUnit
from components.fewshot.images.feed import to_unit_range
from components.fewshot.learners.interface import Learner, Weights
from components.fewshot.learners.maths import labels_of
from components.fewshot.tensors import Logits, Scalar, Tensor
from components.fewshot.training.devices import devices_of
from components.fewshot.training.layouts import LAYOUTS
from components.fewshot.training.optimizer import scale_of
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.shares import spread
from components.fewshot.training.units import Units
from components.fewshot.training.variation import varied
from components.fewshot.training.workers import ALONE, Workers

SEEDS_APART = 65537  # more than the random draws of one step


class Stepped(NamedTuple):
    """The numbers of one outer step; the device may still be computing them."""

    loss: Scalar
    accuracy: Scalar
    learning_rate: Scalar  # of the next step


def compiled_step(
    learner: Learner,
    optimizer: keras.optimizers.Optimizer,
    units: Units,
    settings: TrainingSettings,
    workers: Workers = ALONE,
) -> Callable[[tuple[TrainingUnit, ...]], Stepped]:
    """A function that trains on the units of one step: it moves the learner's variables and returns means over the units.

    The units are those of all workers; each computes the gradients of its share, and all move by their sum.

    What it draws at random is a pure function of the learner's seed, the optimizer's count of steps and the unit's number.

    Raises:
      ValueError: there is no such device, or there are too few units for the workers.
    """
    variables = learner.variables()
    devices = devices_of(settings.device)
    jit = settings.jit or "TPU" in devices[0]
    layout = spread(LAYOUTS[settings.layout], devices, units.parts, jit, workers)
    move = partial(apply_gradients, optimizer, variables, head_rate=settings.head_rate)

    @tf.function(autograph=False, input_signature=[(units.signature,) * units.each])
    def step(given: tuple[TrainingUnit, ...]) -> Stepped:
        weights = Weights(*([variable.value for variable in part] for part in variables))
        scale = scale_of(optimizer)

        def one(unit: TrainingUnit, number: Scalar) -> tuple[Scalar, Scalar, list[Tensor], list[Tensor]]:
            apart = tf.cast(number, tf.int64) * SEEDS_APART
            own = weights._replace(state=moved_seeds(learner.state_weights(), weights.state, apart))
            loss, gradients, aux = learner.outer_step(own, unit, scale)
            after = moved_seeds(learner.state_weights(), aux.state, -apart)
            return loss, hit_rate(aux.logits, aux.targets), gradients, [*after, *aux.own_state]

        # Floats first: a GPU has no kernel that stacks bytes.
        as_floats = tuple(unit.with_images(to_unit_range) for unit in given)
        first = tf.cast(optimizer.iterations, tf.int64) * units.each
        trained_on = tuple(varied(unit, learner, settings, first + n) for n, unit in enumerate(as_floats))
        with computing_in(settings.precision):
            loss, accuracy, gradients, state = layout(one, trained_on)
        move(gradients)
        for variable, value in zip([*variables.state, *variables.own_state], state, strict=True):
            variable.assign(value)
        return Stepped(loss, accuracy, tf.convert_to_tensor(optimizer.learning_rate))

    return step


def apply_gradients(
    optimizer: keras.optimizers.Optimizer, variables: Weights, gradients: list[Tensor], head_rate: float
) -> None:
    """Moves the trained variables by one step of the optimizer, the learner's own ones `head_rate` times as far.

    The step is scaled and not its gradient: Adam and its kind divide a gradient by its own size, so a factor on it is lost.
    """
    scaled = variables.own if head_rate != 1 else []
    before = [tf.convert_to_tensor(variable.value) for variable in scaled]
    optimizer.apply(gradients, variables.base + variables.own)
    for variable, start in zip(scaled, before, strict=True):
        variable.assign(start + head_rate * (variable - start))


def moved_seeds(weights: Sequence[Weight], state: list[Tensor], by: Scalar) -> list[Tensor]:
    """The state with other dropout seeds, so that each unit of a step has its own, and otherwise unchanged."""
    return [
        tensor + tf.cast(by, tensor.dtype) if weight.kind == "seed" else tensor
        for weight, tensor in zip(weights, state, strict=True)
    ]


def hit_rate(logits: Logits, targets: Tensor) -> Scalar:
    """Share of images that are classified correctly, without distractors; of targets in shares, the largest is correct."""
    targets = labels_of(targets)
    known = tf.cast(targets >= 0, tf.float32)
    hit = tf.cast(tf.equal(tf.argmax(logits, 1, tf.int32), targets), tf.float32)
    return tf.reduce_sum(hit * known) / tf.reduce_sum(known)


def make_deterministic(seed: int, kernels: bool = True) -> None:
    """Makes training repeatable on one machine: seeds Keras; bit for bit with `kernels`, which switches the others off.

    What has been switched off stays so in this process.
    """
    keras.utils.set_random_seed(seed)
    if kernels:
        tf.config.experimental.enable_op_determinism()
