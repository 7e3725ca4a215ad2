"""What of the settings depends on the kind of task. The same table with what computes is `components.fewshot.kinds.KINDS`."""

from collections.abc import Mapping
from typing import Literal

from components.fewshot.settings.detectors import DETECTOR_SETTINGS
from components.fewshot.settings.learners import SETTINGS, LearnerSettings

Kind = Literal["classification", "detection"]

CLASSIFICATION: Kind = "classification"
DETECTION: Kind = "detection"

LEARNER_SETTINGS: Mapping[str, Mapping[str, type[LearnerSettings]]] = {
    CLASSIFICATION: SETTINGS,
    DETECTION: DETECTOR_SETTINGS,
}


def settings_class(learner: str, kind: str = CLASSIFICATION) -> type[LearnerSettings]:
    """The class of the settings of a learner.

    Raises:
      ValueError: there is no such learner for this kind of task; the message lists what exists.
    """
    known = LEARNER_SETTINGS[kind]
    if learner not in known:
        of_kind = "" if kind == CLASSIFICATION else f" for {kind}"
        raise ValueError(f"learner: no {learner!r}{of_kind}; there are {', '.join(known)}")
    return known[learner]
