"""What a notebook's verbs have of their own for one kind of task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from components.fewshot.base_models.given import Given
from components.fewshot.doors.call import Call
from components.fewshot.doors.sides import Sides
from components.fewshot.learners.interface import Learner, TaskState
from components.fewshot.training.settings import TrainingSettings


class Fitting(NamedTuple):
    """The options of `fit`.

    Attributes:
      epochs, steps_per_epoch: how long it trains; after each epoch it validates.
      validation_split: share of the classes that are held out.
      shot, query, rotations, negatives: of the training episodes (`EpisodeSpec`).
      validation_episodes: how many episodes of the classes that are held out choose the weights.
      verbose: whether a progress bar is shown.
    """

    epochs: int = 10
    steps_per_epoch: int = 100
    validation_split: float = 0.1
    shot: int | tuple[int, int] = 1
    query: int = 5
    rotations: bool = False
    validation_episodes: int = 100
    verbose: bool = True
    negatives: int = 0


class Support(NamedTuple):
    """What is adapted to, once it has been checked."""

    images: Any  # of the kind
    labels: np.ndarray  # int32 [B], 0..way-1
    way: int


class Door(ABC):
    """The arrays of one kind of task.

    Args:
      given: the base model.

    Attributes:
      fits, adapts: what `fit` and `adapt` take.
    """

    fits: ClassVar[Call]
    adapts: ClassVar[Call]

    def __init__(self, given: Given) -> None:
        self.given = given

    @abstractmethod
    def check_training(self, settings: TrainingSettings) -> None:
        """Raises ValueError if models of the kind cannot be trained in this way."""

    @abstractmethod
    def sides(self, data: Mapping[str, Any], how: Fitting) -> Sides:
        """The stores of what `fit` was given.

        Raises:
          ValueError: it is not what a model of the kind is fitted to.
        """

    def seen(self, images: np.ndarray) -> np.ndarray:
        """What the learner gets of the images [N, ...] of a store."""
        return images

    @abstractmethod
    def support(self, data: Mapping[str, Any]) -> Support:
        """What `adapt` was given.

        Raises:
          ValueError: it is not what a model of the kind is adapted to.
        """

    @abstractmethod
    def adapt(self, learner: Learner, support: Support) -> TaskState:
        """The task state."""

    @abstractmethod
    def predict(self, learner: Learner, state: TaskState, way: int, images: Any) -> Any:
        """What the learner says of query images, as numpy arrays.

        Raises:
          ValueError: they are no images.
        """


def way_of(labels: np.ndarray, each: str) -> int:
    """The number of classes in labels [B].

    Args:
      labels: of the support set.
      each: what has a label, image or box.

    Raises:
      ValueError: they are not 0..W-1 without gaps.
    """
    found = np.unique(labels)
    if labels.dtype.kind not in "biuf" or not len(found) or not np.array_equal(found, np.arange(len(found))):
        raise ValueError(f"support_labels: expected one of 0..W-1 for each {each}, without gaps, got {found.tolist()}")
    return len(found)
