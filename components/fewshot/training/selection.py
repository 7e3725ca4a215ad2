"""Which weights are kept, and when training stops early: by accuracy on frozen episodes of the validation classes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.images.feed import task_arrays
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.interface import Learner
from components.fewshot.training.history import Validated
from components.fewshot.training.step import compiled_judge


class Validation(NamedTuple):
    """Frozen episodes of the meta-validation classes, and the store that holds their images."""

    store: PixelStore
    episodes: Sequence[Episode]


class Validator:
    """Evaluates a learner with its current weights on the episodes of `validation`."""

    def __init__(self, learner: Learner, validation: Validation) -> None:
        self._validation = validation
        self._judge = compiled_judge(learner, validation.store)

    def __call__(self, step: int) -> Validated:
        """Accuracy with its confidence interval over episodes, and log loss, after `step` steps."""
        judged = [self._judge(task_arrays(self._validation.store, e)) for e in self._validation.episodes]
        accuracies, losses = np.array(judged, np.float64).T
        spread = accuracies.std(ddof=1) if len(accuracies) > 1 else 0.0
        return {
            "step": step,
            "accuracy": float(accuracies.mean()),
            "ci95": float(1.96 * spread / math.sqrt(len(accuracies))),
            "loss": float(losses.mean()),
        }


def as_good_as_best(validations: Sequence[Validated]) -> bool:
    """Whether the last of them is within one standard error of the highest accuracy.

    The one-standard-error rule (Breiman et al. 1984): if the difference may be chance, the weights that trained longer are
    preferred. The learning rate falls during training, and the best of many noisy figures is partly luck.
    """
    highest = max(validations, key=lambda validation: validation["accuracy"])
    return bool(validations[-1]["accuracy"] >= highest["accuracy"] - highest["ci95"] / 1.96)


def out_of_patience(validations: Sequence[Validated], patience: int) -> bool:
    """Whether none of the last `patience` validations raised the accuracy; with a patience of 0 never."""
    accuracies = [validation["accuracy"] for validation in validations]
    since_highest = len(accuracies) - 1 - accuracies.index(max(accuracies)) if accuracies else 0
    return bool(patience) and since_highest >= patience
