"""The units of a step in shares, one for each device of each worker, and the sum of what comes of them.

Episodes are shared out whole, and a batch of shuffled images by rows. The sum is what one device would get, up to rounding and to
what a layer makes of a batch as a whole: batch normalisation and dropout see their share of it.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneBatch
from components.fewshot.episodes.task import Batch, TrainingUnit
from components.fewshot.tensors import Scalar, Tensor
from components.fewshot.training.layouts import Layout, OneUnit, Result
from components.fewshot.training.workers import ALONE, Workers


class Share(NamedTuple):
    """A part of the units of a step.

    Attributes:
      units: of the share.
      first: number of its first unit, or of a part of a batch.
      weight: its part of the whole, 0..1.
    """

    units: tuple[TrainingUnit, ...]
    first: int
    weight: Scalar | float


def shares_of(units: tuple[TrainingUnit, ...], count: int) -> list[Share]:
    """So many shares of about the same size, in order.

    Args:
      units: at least as many as shares; or one batch, of at least as many rows.
    """
    if count == 1 or len(units) > 1:
        cuts = [len(units) * i // count for i in range(count + 1)]
        return [Share(units[a:b], a, (b - a) / len(units)) for a, b in pairwise(cuts)]
    (batch,) = units
    assert isinstance(batch, Batch | SceneBatch)  # a unit of another kind cannot be divided (`Units.parts`)
    bounds = [batch.size * i // count for i in range(count + 1)]
    rows = [batch.rows(a, b) for a, b in pairwise(bounds)]
    return [Share((part,), i, part.size / batch.size) for i, part in enumerate(rows)]


def spread(layout: Layout, devices: Sequence[str], parts: int, jit: bool, workers: Workers = ALONE) -> Layout:
    """A layout that lays out each share of a step on a device of its own.

    Args:
      devices: of this worker; more than there are parts stay idle.
      parts: into how many a step can be divided.
      jit: whether XLA compiles the work of a share.

    Raises:
      ValueError: there are more workers than parts.
    """
    if workers.size > parts:
        raise ValueError(
            f"training.meta_batch: expected at least {workers.size} episodes a step, one for each worker, got {parts}"
        )
    own = min(len(devices), parts // workers.size)

    def run(one: OneUnit, units: tuple[TrainingUnit, ...]) -> Result:
        shares = shares_of(units, own * workers.size)[own * workers.number :][:own]
        return workers.sum(
            _sum([_on(device, layout, one, share, jit) for device, share in zip(devices, shares, strict=False)])
        )

    return run


def _on(device: str, layout: Layout, one: OneUnit, share: Share, jit: bool) -> Result:
    """What comes of a share, times its weight."""

    def work(units: tuple[TrainingUnit, ...]) -> Result:
        return layout(lambda unit, number: one(unit, number + share.first), units)

    compute: Callable[[tuple[TrainingUnit, ...]], Result] = (
        tf.function(work, autograph=False, jit_compile=True) if jit else work
    )
    with tf.device(device):
        return tf.nest.map_structure(lambda value: _times(share.weight, value), compute(share.units))


def _times(weight: Scalar | float, value: Tensor) -> Tensor:
    return value * tf.cast(weight, value.dtype) if value.dtype.is_floating else value


def _sum(results: list[Result]) -> Result:
    """The sum of floats; of counters, which are the same everywhere, the first."""
    return tf.nest.map_structure(
        lambda *values: tf.add_n(values) if values[0].dtype.is_floating else values[0], *results
    )
