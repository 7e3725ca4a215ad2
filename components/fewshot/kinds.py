"""The kinds of task. A kind says what of training and serving is its own; all else is the same code.

What of the evaluation is its own is in `evaluation.kinds.EVALUATIONS`, which needs no Keras, and its figure in
`settings.metrics.METRICS`, which needs no TensorFlow.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from components.fewshot.learners import LEARNERS
from components.fewshot.learners.detection import DETECTORS
from components.fewshot.learners.interface import Learner
from components.fewshot.serving.detector_server import DetectorServer
from components.fewshot.serving.module import ServingModule
from components.fewshot.serving.server import Server
from components.fewshot.settings.image import ImageSpec
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION
from components.fewshot.tensors import Preprocess
from components.fewshot.training.episode_logits import Validation
from components.fewshot.training.finish import Fitted, finish, finish_detector
from components.fewshot.training.history import Validated
from components.fewshot.training.scene_validation import SceneValidator
from components.fewshot.training.selection import Validator


class Kind(NamedTuple):
    """What a kind of task has of its own.

    Attributes:
      learners: by name.
      validator: judges a learner on validation episodes, with its weights after some step.
      finish: fits a learner with its final weights to these; the number is the largest share of false alarms.
      server: what is exported, of a learner, of what makes pixels of its encoded images, of their form, and of objects that
        this needs.
    """

    learners: Mapping[str, type[Learner]]
    validator: Callable[[Learner, Validation], Callable[[int], tuple[Validated, np.ndarray]]]
    finish: Callable[[Learner, Validation | None, float | None], Fitted]
    server: Callable[[Any, Preprocess, ImageSpec, object], ServingModule]


KINDS: Mapping[str, Kind] = {
    CLASSIFICATION: Kind(LEARNERS, Validator, finish, lambda learner, read, _, needs: Server(learner, read, needs)),
    DETECTION: Kind(DETECTORS, SceneValidator, finish_detector, DetectorServer),
}
