"""Calibration: one temperature, fitted on validation episodes once training has ended (Guo et al. 2017)."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from components.fewshot.learners.interface import Learner
from components.fewshot.training.episode_logits import EpisodeLogits
from components.fewshot.training.selection import Validation

BOUNDS = (0.02, 50.0)  # of the temperature: where all is classified correctly, no end is best


def calibrate(learner: Learner, validation: Validation, logits: EpisodeLogits) -> None:
    """Sets the temperature of a learner to the one with the least log loss of its `logits` on validation episodes.

    Learners differ in how large their logits are, and a log loss or a calibration error compares them only afterwards.
    """
    found = list(logits(validation.episodes))
    learner.temperature.assign(best_temperature(found, [episode.query.labels for episode in validation.episodes]))


def best_temperature(logits: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> float:
    """The temperature with the least mean log loss of logits [Q, way] against labels [Q] (-1 does not count), by episode."""
    known = [(of[at >= 0].astype(np.float64), at[at >= 0]) for of, at in zip(logits, labels, strict=True)]

    def log_loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        own = [log_softmax(of * scale, axis=1)[np.arange(len(at)), at] for of, at in known]
        return -float(np.mean(np.concatenate(own)))

    low, high = (math.log(bound) for bound in BOUNDS)
    return math.exp(minimize_scalar(log_loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x)
