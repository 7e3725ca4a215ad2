"""What an evaluation is about."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from components.few_shot_evaluator.arrivals import NOTHING, Arrivals
from components.few_shot_evaluator.evaluate import MODEL, PRODUCTION
from components.few_shot_evaluator.rivals import Earlier
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.frozen import to_example
from components.fewshot.images.store import ImageStore

MAIN = "episodes"  # the set of episodes that all models are judged on
STRANGERS = "strangers"  # some of these, with distractors
STORE = "store"


class Case(NamedTuple):
    """Models, and the frozen episodes that they are judged on.

    Attributes:
      split: the directory of the test episodes and their images.
      spec: of the main episodes.
      store: the images.
      sets: the episodes of each set by number: the main ones, those of each further specification, those with strangers, and
        those that tell what came since the model in production.
      also: name, specification and number of episodes of each further specification.
      models: the directory of each SavedModel: the candidate, its baselines, and earlier models.
      earlier: the earlier models, and why others are none of them.
      served: the directories of the versions in the push destination.
      arrivals: the episodes that tell what came since the model in production, which are in `sets` too.
    """

    split: str
    spec: EpisodeSpec
    store: ImageStore
    sets: Mapping[str, Sequence[Episode]]
    also: Sequence[Mapping[str, object]]
    models: dict[str, str]
    earlier: Earlier
    served: list[str]
    arrivals: Arrivals = NOTHING

    def models_on(self, name: str) -> dict[str, str]:
        """Returns the models that are judged on a set of episodes: on the main ones all, on the others only the candidate, beside
        the model in production where that is what they are for."""
        names = {MODEL, PRODUCTION} if name in self.arrivals.sets else {MODEL}
        return {one: path for one, path in self.models.items() if name == MAIN or one in names}

    @property
    def episodes(self) -> Sequence[Episode]:
        """The main episodes."""
        return self.sets[MAIN]

    @property
    def directory(self) -> str:
        """The directory of the images."""
        return os.path.join(self.split, STORE)

    def serialized(self, name: str) -> list[bytes]:
        """Returns the episodes of a set as they are written."""
        return [to_example(episode) for episode in self.sets[name]]
