"""Which weights are kept, and when training stops early: by accuracy on frozen episodes of the validation classes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import log_softmax

from components.fewshot.learners.interface import Learner
from components.fewshot.training.episode_logits import Validation, episode_logits
from components.fewshot.training.history import Validated


class Validator:
    """Evaluates a learner with its current weights on the episodes of `validation`."""

    def __init__(self, learner: Learner, validation: Validation) -> None:
        self._learner, self._episodes = learner, validation.episodes
        self._logits = episode_logits(learner, validation)

    def __call__(self, step: int) -> tuple[Validated, np.ndarray]:
        """The row of the history after `step` steps, and the accuracy of each episode, float64 [E]."""
        temperature = float(self._learner.temperature)
        logits = zip(self._logits(self._episodes), self._episodes, strict=True)
        judged = [accuracy_and_loss(of / temperature, episode.query.labels) for of, episode in logits]
        accuracies, losses = np.array(judged, np.float64).T
        row: Validated = {
            "step": step,
            "accuracy": float(accuracies.mean()),
            "ci95": 1.96 * standard_error(accuracies),
            "loss": float(losses.mean()),
        }
        return row, accuracies


def accuracy_and_loss(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Share of the queries that are classified correctly, and their mean log loss: logits [Q, way], labels [Q] (-1 does not
    count)."""
    known = labels >= 0
    logits, labels = logits[known].astype(np.float64), labels[known]
    own = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return float((logits.argmax(1) == labels).mean()), -float(own.mean())


def higher(last: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """That of two validations, accuracies float64 [E] each, whose mean is higher: the earlier one if they are equal.

    The highest of no validation is empty, [0].
    """
    return last if not len(highest) or last.mean() > highest.mean() else highest


def as_good_as_best(last: np.ndarray, highest: np.ndarray) -> bool:
    """Whether the last validation is within one standard error of the highest one, accuracies float64 [E] of the same episodes.

    The one-standard-error rule (Breiman et al. 1984): if the difference may be chance, the weights that trained longer are
    preferred. The learning rate falls during training, and the best of many noisy figures is partly luck. The standard error
    is that of the difference episode by episode: how hard an episode is weighs on both validations alike and cancels out.
    """
    lost = highest - last
    return bool(lost.mean() <= standard_error(lost))


def standard_error(values: np.ndarray) -> float:
    """Of the mean of values [E]; 0 for a single one, which tells nothing of its spread."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def out_of_patience(validations: Sequence[Validated], patience: int) -> bool:
    """Whether none of the last `patience` validations raised the accuracy; with a patience of 0 never."""
    accuracies = [validation["accuracy"] for validation in validations]
    since_highest = len(accuracies) - 1 - accuracies.index(max(accuracies)) if accuracies else 0
    return bool(patience) and since_highest >= patience
