"""How the tasks of a meta-batch are laid out in the graph. Learners do not depend on this choice.

A layout takes `one(task, number) -> (loss, accuracy, gradients, state)` and the tasks, and returns the means over tasks.
"""

from collections.abc import Callable

import tensorflow as tf

from components.fewshot.episodes.task import Task
from components.fewshot.tensors import Scalar, Tensor

Result = tuple[Scalar, Scalar, list[Tensor], list[Tensor]]  # loss, accuracy, gradients, state
OneTask = Callable[[Task, Scalar], Result]


def unrolled(one: OneTask, tasks: tuple[Task, ...]) -> Result:
    """A copy of the graph for each task: fastest on a CPU but slow to trace. Tasks may differ in way and shot."""
    return _mean_of(*[one(task, number) for number, task in enumerate(tasks)])


def mapped(one: OneTask, tasks: tuple[Task, ...]) -> Result:
    """One graph in a loop over tasks: quick to trace. All tasks must have the same way and shot."""
    stacked = type(tasks[0])(*(tf.stack(parts) for parts in zip(*tasks, strict=True)))
    first = type(tasks[0])(*(tf.TensorSpec(part.shape[1:], part.dtype) for part in stacked))
    shapes = tf.function(one).get_concrete_function(first, tf.TensorSpec([], tf.int32)).structured_outputs
    signature = tf.nest.map_structure(tf.type_spec_from_value, shapes)
    results = tf.map_fn(lambda pair: one(*pair), (stacked, tf.range(len(tasks))), fn_output_signature=signature)
    return tf.nest.map_structure(_mean, results)


LAYOUTS: dict[str, Callable[[OneTask, tuple[Task, ...]], Result]] = {"unrolled": unrolled, "mapped": mapped}


def _mean_of(*results: Result) -> Result:
    return tf.nest.map_structure(lambda *parts: _mean(tf.stack(parts)), *results)


def _mean(stacked: Tensor) -> Tensor:
    """Mean over tasks; for a dropout seed, which is a counter, the value of the first task."""
    return tf.reduce_mean(stacked, 0) if stacked.dtype.is_floating else stacked[0]
