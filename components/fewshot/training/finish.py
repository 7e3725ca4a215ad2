"""What is fitted to validation episodes once training has ended: of a classifier the temperature and the threshold for none of
these, of a detector the score from which on it shows what it finds."""

from typing import NamedTuple

from components.fewshot.learners.interface import Learner
from components.fewshot.training.calibration import calibrate
from components.fewshot.training.episode_logits import episode_logits
from components.fewshot.training.none_of_these import Threshold, choose_threshold
from components.fewshot.training.scene_validation import ScoreThreshold, choose_score
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import FALSE_ALARMS


class Fitted(NamedTuple):
    """What was chosen on validation episodes."""

    none_of_these: Threshold | None = None
    score: ScoreThreshold | None = None


def finish(learner: Learner, validation: Validation | None, false_alarms: float | None = FALSE_ALARMS) -> Fitted:
    """Calibrates a classifier with its final weights, and chooses the threshold; neither without validation episodes.

    Args:
      learner: as it was trained.
      validation: the episodes.
      false_alarms: the largest share of the queries of the classes that the threshold may refuse; None chooses no threshold.
    """
    if validation is None:
        return Fitted()
    logits = episode_logits(learner, validation)
    calibrate(learner, validation, logits)
    return Fitted(None if false_alarms is None else choose_threshold(validation, logits, false_alarms))


def finish_detector(learner: Learner, validation: Validation | None, false_alarms: float | None = None) -> Fitted:
    """Chooses the score from which on a detector shows what it finds; nothing without validation episodes, nor without an object
    to find in them. Its classes are not all that there is in an image, so no share of false alarms is asked for."""
    return Fitted() if validation is None else Fitted(score=choose_score(learner, validation))
