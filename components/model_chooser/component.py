"""Specification of the ModelChooser."""

import json
from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, component_spec, standard_artifacts

from components.fingerprint import code_fingerprint
from components.model_chooser import executor

CODE = (
    "components.model_chooser",
    "components.fewshot.integrity",
    "components.fewshot.serving.manifest",
    "components.fewshot.training",
    *(f"components.fewshot.{name}" for name in ("episodes", "settings")),
)


class ModelChooserSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "names": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "models": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_runs": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }
    OUTPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }


class ModelChooser(base_component.BaseComponent):
    """Passes on the model that is best on validation classes, with the record of its training and of the choice.

    Args:
      trained: the trainers by the names of the candidates, in order; each has told its model its name (`title`).
    """

    SPEC_CLASS = ModelChooserSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, trained: Mapping[str, base_component.BaseComponent]) -> None:
        every = {
            key: channel_utils.union([trainer.outputs[key] for trainer in trained.values()])
            for key in ("model", "model_run")
        }
        spec = ModelChooserSpec(
            models=every["model"],
            model_runs=every["model_run"],
            names=json.dumps(list(trained)),
            code_fingerprint=code_fingerprint(*CODE),
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
