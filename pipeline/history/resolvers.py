"""Which earlier model a run looks back at.

TFX's own strategy takes the latest blessed model, whichever it is: after a run has blessed its model, the next run, without
any change, would see another one than the first did, and nothing would ever come from the cache. These two look back from
where they stand, so that the same run sees the same model.
"""

from collections.abc import Callable

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

Artifacts = dict[str, list[types.Artifact]]

EPISODES_ID = "episodes_id"  # custom property of a Model


class BlessedBefore(resolver.ResolverStrategy):
    """The latest blessed model older than the one in `current`: what that one has to stand up to."""

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Takes `model`, `model_blessing`, `current`; gives `model` and `model_blessing`, empty if there is none."""
        current = max((model.id for model in input_dict["current"]), default=0)
        return latest_blessed(input_dict, lambda model: model.id < current)


class BlessedOnOtherData(resolver.ResolverStrategy):
    """The latest blessed model that was trained on other episodes than `episodes`: what a warm start begins with."""

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Takes `model`, `model_blessing`, `episodes`; gives `model` and `model_blessing`, empty if there is none."""
        episodes = {artifact.id for artifact in input_dict["episodes"]}
        return latest_blessed(input_dict, lambda model: model.get_int_custom_property(EPISODES_ID) not in episodes)


def latest_blessed(artifacts: Artifacts, admissible: Callable[[types.Artifact], bool]) -> Artifacts:
    """The newest admissible of `model` that one of `model_blessing` blesses, with that blessing; all else empty."""
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
