"""The threshold below which a query is of none of the classes, chosen on validation episodes once training has ended.

The score is the highest logit: for whether a query is of a known class at all it tells more than the highest probability, which
only compares the classes with one another (Vaze et al. 2022). `benchmarks/strangers.py` compares the two.
"""

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from components.fewshot.episodes.strangers import with_strangers
from components.fewshot.training.episode_logits import EpisodeLogits
from components.fewshot.training.selection import Validation


class Threshold(TypedDict):
    """Below which familiarity a query is said to be of none of the classes, and the shares of the queries of the classes
    (`false_alarms`) and of strangers (`caught`) below it, over `episodes` validation episodes."""

    threshold: float
    false_alarms: float
    caught: float
    episodes: int


def choose_threshold(validation: Validation, logits: EpisodeLogits, false_alarms: float) -> Threshold | None:
    """The highest threshold with at most so large a share of false alarms; None if no validation episode has strangers."""
    episodes = with_strangers(validation.episodes, len(validation.store.index.names))
    if not episodes:
        return None
    familiar = [of.max(1) for of in logits(episodes)]
    labels = np.concatenate([episode.query.labels for episode in episodes])
    scores = np.concatenate(familiar)
    known, strangers = scores[labels >= 0], scores[labels < 0]
    threshold = threshold_of(known, false_alarms)
    return {
        "threshold": threshold,
        "false_alarms": float((known < threshold).mean()),
        "caught": float((strangers < threshold).mean()),
        "episodes": len(episodes),
    }


def threshold_of(known: Sequence[float] | np.ndarray, false_alarms: float) -> float:
    """The highest of the known scores [N] that has at most a share `false_alarms` of them below it."""
    return float(np.sort(known)[math.floor(false_alarms * len(known))])
