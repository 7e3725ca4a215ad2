"""Several processes that train one model, each on its share of every step, as TF_CONFIG names them.

Each holds all weights, and as each adds up the same gradients all weights stay the same everywhere.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.training.layouts import Result


class Workers(NamedTuple):
    """The processes of a training.

    Attributes:
      size: how many they are.
      number: of this one, 0..size-1.
      sum: the sum over all of what each has; of counters, which are the same everywhere, one.
    """

    size: int
    number: int
    sum: Callable[[Result], Result]


ALONE = Workers(1, 0, lambda result: result)


@cache
def join() -> Workers:
    """The workers that TF_CONFIG names, once all of them are there. To be called before TensorFlow is used for anything else.

    Raises:
      RuntimeError: TensorFlow has been used.
    """
    cluster, number = _named(os.environ.get("TF_CONFIG", ""))
    if cluster < 2:
        return ALONE
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise RuntimeError(
            "TF_CONFIG names several workers, which must join before TensorFlow is used: call "
            "components.fewshot.training.workers.join() first"
        ) from error
    each = strategy.num_replicas_in_sync // cluster  # a replica for each GPU; all of a worker's have the same to add

    def summed(values: list[tf.Tensor]) -> list[tf.Tensor]:
        here = [tf.identity(value) for value in values]  # on the replica's device, which the collectives go by
        everywhere = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)
        return [value / each for value in everywhere]

    def total(result: Result) -> Result:
        values = tf.nest.flatten(result)
        floats = [value for value in values if value.dtype.is_floating]
        own = strategy.run(summed, args=(floats,))
        added = iter(strategy.experimental_local_results(value)[0] for value in own)
        return tf.nest.pack_sequence_as(result, [next(added) if value.dtype.is_floating else value for value in values])

    return Workers(cluster, number, total)


def _named(configuration: str) -> tuple[int, int]:
    """How many workers a TF_CONFIG names, and the number of this one; a chief is the first."""
    given = json.loads(configuration or "{}")
    chiefs, others = (len(given.get("cluster", {}).get(kind, ())) for kind in ("chief", "worker"))
    task = given.get("task", {})
    return chiefs + others, int(task.get("index", 0)) + (chiefs if task.get("type") == "worker" else 0)
