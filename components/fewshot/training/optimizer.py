"""The outer optimizer and its schedule, by name."""

import inspect
from typing import Any

import keras

from components.fewshot.training.settings import TrainingSettings


def build_optimizer(settings: TrainingSettings) -> keras.optimizers.Optimizer:
    """The outer optimizer with its schedule.

    Raises:
      ValueError: Keras has no optimizer of that name.
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine" and settings.steps:
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.steps)
    elif settings.schedule == "halving":
        rate = keras.optimizers.schedules.ExponentialDecay(rate, settings.halve_every, 0.5, staircase=True)
    return find_optimizer(settings.optimizer)(learning_rate=rate, global_clipnorm=settings.gradient_clip)


def find_optimizer(name: str) -> type[keras.optimizers.Optimizer]:
    """An optimizer of Keras.

    Raises:
      ValueError: there is none of that name; the message lists what exists.
    """
    names = {one.lower(): one for one in dir(keras.optimizers) if one[0].isupper() and takes_a_rate(one)}
    if name.lower() not in names:
        raise ValueError(f"training.optimizer: no {name!r} in Keras; there are {', '.join(sorted(names))}")
    return getattr(keras.optimizers, names[name.lower()])


def takes_a_rate(name: str) -> bool:
    """Whether an optimizer of Keras is one to train with, not one around others."""
    wanted = {"learning_rate", "global_clipnorm"}
    return wanted <= inspect.signature(getattr(keras.optimizers, name)).parameters.keys() and name != "Optimizer"
