"""Specification of the DriftDetector."""

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.drift_detector import executor
from components.drift_detector.settings import DriftSettings
from components.fingerprint import code_fingerprint

CODE = ("components.drift_detector", "components.fewshot", "data.spans")


class DriftDetectorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "destination": component_spec.ExecutionParameter(type=str),
        "served": component_spec.ExecutionParameter(type=str),
        "recipe": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"drift": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation)}


class DriftDetector(base_component.BaseComponent):
    """Compares the images that came since the model in production with those that it knows, and decides whether to train.

    Its output has the property `goes_on`, by which the graph goes on or ends.

    Args:
      episodes: the output of the EpisodeGenerator.
      settings: of the rule.
      destination: the directory that models are pushed to; the one in production is there.
      served: the directories of the versions in it at the start of the run; None if the executor must look for itself.
      recipe: fingerprint of how a run makes a model, whatever the images; a model of another one is made anew.
    """

    SPEC_CLASS = DriftDetectorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        episodes: types.BaseChannel,
        settings: DriftSettings,
        destination: str,
        served: Sequence[str] | None,
        recipe: str,
    ) -> None:
        spec = DriftDetectorSpec(
            episodes=episodes,
            settings=settings.model_dump_json(),
            destination=destination,
            served="" if served is None else json.dumps(list(served)),
            recipe=recipe,
            code_fingerprint=code_fingerprint(*CODE),
            drift=types.Channel(type=standard_artifacts.ModelEvaluation),
        )
        super().__init__(spec=spec)
