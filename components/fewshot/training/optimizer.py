"""The outer optimizer and its schedule, by name."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import keras
from keras import ops
from keras.optimizers.schedules import CosineDecay, ExponentialDecay, LearningRateSchedule

from components.fewshot.tensors import Scalar
from components.fewshot.training.settings import TrainingSettings

Rate: TypeAlias = float | LearningRateSchedule


def build_optimizer(settings: TrainingSettings, weights: Iterable[keras.Variable] = ()) -> keras.optimizers.Optimizer:
    """The outer optimizer with its schedule, for `weights`; its slots are not built yet.

    A weight decay that was asked for is of kernels alone: the biases, and the scales and offsets of normalisation, which have
    one axis or none, fit the height of what passes and not its form (He et al. 2019, "bag of tricks").
    """
    decay = {} if settings.weight_decay is None else {"weight_decay": settings.weight_decay}
    made = find_optimizer(settings.optimizer)(
        learning_rate=scheduled(settings), global_clipnorm=settings.gradient_clip, **decay
    )
    if decay:
        made.exclude_from_weight_decay([weight for weight in weights if len(weight.shape) <= 1])
    return keras.optimizers.LossScaleOptimizer(made) if settings.precision == "float16" else made


def scale_of(optimizer: keras.optimizers.Optimizer) -> Scalar | float:
    """By what a built optimizer wants its gradients multiplied: it halves this when one is not finite, and skips the step."""
    return optimizer.dynamic_scale.value if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else 1.0


def scheduled(settings: TrainingSettings) -> Rate:
    """The learning rate by step: the warm-up, and the schedule over the steps that are left."""
    rate: Rate = settings.learning_rate
    left = settings.steps - settings.warm_up
    if settings.schedule == "cosine" and left > 0:
        rate = CosineDecay(rate, left)
    elif settings.schedule == "halving":
        rate = ExponentialDecay(rate, settings.halve_every, 0.5, staircase=True)
    return WarmUp(rate, settings.learning_rate, settings.warm_up) if settings.warm_up else rate


class WarmUp(LearningRateSchedule):
    """A rate that rises in equal parts to `peak` over `steps` steps (Goyal et al. 2017), and then is `after` from its beginning.

    Of Keras' schedules only `CosineDecay` can warm up.

    The first step already moves the weights, by one part, and the first step after the warm-up has the peak.
    """

    def __init__(self, after: Rate, peak: float, steps: int) -> None:
        self.after, self.peak, self.steps = after, peak, steps

    def __call__(self, step: int | Scalar) -> Scalar:
        """The rate of step 0, 1, ..., float32."""
        done = ops.cast(step, "float32")
        rising = self.peak * (done + 1.0) / (self.steps + 1.0)
        began = ops.maximum(done - self.steps, 0.0)
        after = self.after(began) if isinstance(self.after, LearningRateSchedule) else self.after
        return ops.where(done < self.steps, rising, after)

    def get_config(self) -> dict[str, object]:
        """The arguments that another of its kind is made from."""
        return {"after": self.after, "peak": self.peak, "steps": self.steps}


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
