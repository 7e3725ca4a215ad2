"""The outer optimizer and its schedule, by name."""

from collections.abc import Mapping

import keras

from components.fewshot.training.settings import TrainingSettings


def build_optimizer(settings: TrainingSettings) -> keras.optimizers.Optimizer:
    """The outer optimizer with its schedule."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = settings.learning_rate
    if settings.schedule == "cosine" and settings.steps:
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.steps)
    elif settings.schedule == "halving":
        rate = keras.optimizers.schedules.ExponentialDecay(rate, settings.halve_every, 0.5, staircase=True)
    return find_optimizer(settings.optimizer)(learning_rate=rate, global_clipnorm=settings.gradient_clip)


def named_slots(
    optimizer: keras.optimizers.Optimizer, weights: Mapping[str, keras.Variable]
) -> dict[str, keras.Variable]:
    """The variables of a built optimizer by name: a slot under the name of its weight (`conv2d/kernel/momentum`).

    Keras joins the path of the weight and the name of the slot by `_`, and its paths number the layers of the process.
    """
    names = {variable.path.replace("/", "_"): name for name, variable in weights.items()}
    slots: dict[str, keras.Variable] = {}
    for variable in optimizer.variables:
        path = variable.path.rpartition("/")[2]
        weight = max((known for known in names if path.startswith(f"{known}_")), key=len, default=None)
        name = f"{names[weight]}/{path[len(weight) + 1 :]}" if weight else path
        unique, again = name, 1
        while unique in slots:  # Adafactor's rows and columns share a path, and so may weights of nested models
            unique, again = f"{name}@{again}", again + 1
        slots[unique] = variable
    return slots


def find_optimizer(name: str) -> type[keras.optimizers.Optimizer]:
    """An optimizer of Keras, one of `OPTIMIZERS` in letters of any case."""
    (found,) = (one for one in dir(keras.optimizers) if one.lower() == name.lower() and one[0].isupper())
    return getattr(keras.optimizers, found)
