"""What is fitted to validation episodes once training has ended: the temperature, and the threshold for none of these."""

from components.fewshot.learners.interface import Learner
from components.fewshot.training.calibration import calibrate
from components.fewshot.training.episode_logits import episode_logits
from components.fewshot.training.none_of_these import Threshold, choose_threshold
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import FALSE_ALARMS


def finish(
    learner: Learner, validation: Validation | None, false_alarms: float | None = FALSE_ALARMS
) -> Threshold | None:
    """Calibrates a learner with its final weights, and chooses the threshold; neither without validation episodes.

    Args:
      learner: as it was trained.
      validation: the episodes.
      false_alarms: the largest share of the queries of the classes that the threshold may refuse; None chooses no threshold.
    """
    if validation is None:
        return None
    logits = episode_logits(learner, validation)
    calibrate(learner, validation, logits)
    return None if false_alarms is None else choose_threshold(validation, logits, false_alarms)
