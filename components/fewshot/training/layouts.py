"""How the units of a step, such as the tasks of a meta-batch, are laid out in the graph. Learners do not depend on this choice.

A layout takes `one(unit, number) -> (loss, accuracy, gradients, state)` and the units, and returns the means over them.
"""

from collections.abc import Callable

import tensorflow as tf

from components.fewshot.episodes.task import TrainingUnit
from components.fewshot.tensors import Scalar, Tensor

Result = tuple[Scalar, Scalar, list[Tensor], list[Tensor]]  # loss, accuracy, gradients, state
OneUnit = Callable[[TrainingUnit, Scalar], Result]
Layout = Callable[[OneUnit, tuple[TrainingUnit, ...]], Result]


def unrolled(one: OneUnit, units: tuple[TrainingUnit, ...]) -> Result:
    """A copy of the graph for each unit: fastest on a CPU but slow to trace. Tasks may differ in way and shot."""
    return _mean_of(*[one(unit, number) for number, unit in enumerate(units)])


def mapped(one: OneUnit, units: tuple[TrainingUnit, ...]) -> Result:
    """One graph in a loop over the units: quick to trace. All tasks must have the same way and shot."""
    stacked = tf.nest.map_structure(lambda *parts: tf.stack(parts), *units)
    first = tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape[1:], part.dtype), stacked)
    shapes = (
        tf.function(one, autograph=False).get_concrete_function(first, tf.TensorSpec([], tf.int32)).structured_outputs
    )
    signature = tf.nest.map_structure(tf.type_spec_from_value, shapes)
    results = tf.map_fn(lambda pair: one(*pair), (stacked, tf.range(len(units))), fn_output_signature=signature)
    return tf.nest.map_structure(_mean, results)


LAYOUTS: dict[str, Layout] = {"unrolled": unrolled, "mapped": mapped}


def _mean_of(*results: Result) -> Result:
    return tf.nest.map_structure(lambda *parts: _mean(tf.stack(parts)), *results)


def _mean(stacked: Tensor) -> Tensor:
    """Mean over units; a dropout seed, which is a counter, is the same in all."""
    return tf.reduce_mean(stacked, 0) if stacked.dtype.is_floating else stacked[0]
