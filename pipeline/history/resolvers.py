"""Strategies that find an earlier model for a run.

TFX's own strategy takes the latest blessed model. When a run has blessed its model, the next run with the same settings would
get that one instead of the first run's, and would never reuse the cache. The two strategies here depend only on the run itself,
so that the same run always gets the same model.
"""

from collections.abc import Callable

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

Artifacts = dict[str, list[types.Artifact]]

EPISODES_ID = "episodes_id"  # custom property of a Model


class BlessedBefore(resolver.ResolverStrategy):
    """Finds the latest blessed model that is older than `current`. The evaluator compares `current` with it."""

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Takes `model`, `model_blessing` and `current`. Returns `model` and `model_blessing`, empty if there is none."""
        current = max((model.id for model in input_dict["current"]), default=0)
        return latest_blessed(input_dict, lambda model: model.id < current)


class BlessedOnOtherData(resolver.ResolverStrategy):
    """Finds the latest blessed model that was trained on other episodes than `episodes`. A warm start begins with it."""

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Takes `model`, `model_blessing` and `episodes`. Returns `model` and `model_blessing`, empty if there is none."""
        episodes = {artifact.id for artifact in input_dict["episodes"]}
        return latest_blessed(input_dict, lambda model: model.get_int_custom_property(EPISODES_ID) not in episodes)


def latest_blessed(artifacts: Artifacts, admissible: Callable[[types.Artifact], bool]) -> Artifacts:
    """Returns the newest blessed model that is `admissible`, with its blessing. All other keys are empty."""
    blessings = {
        blessing.get_int_custom_property("current_model_id"): blessing
        for blessing in artifacts["model_blessing"]
        if blessing.get_int_custom_property("blessed") == 1
    }
    found: Artifacts = {key: [] for key in artifacts}
    blessed = [model for model in artifacts["model"] if model.id in blessings and admissible(model)]
    if blessed:
        newest = max(blessed, key=lambda model: model.id)
        found["model"], found["model_blessing"] = [newest], [blessings[newest.id]]
    return found
