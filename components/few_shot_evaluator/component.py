"""Specification of the FewShotEvaluator."""

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.few_shot_evaluator import executor
from components.few_shot_evaluator.baselines import BASELINES
from components.few_shot_evaluator.gate import GateSettings
from components.fingerprint import code_fingerprint

CODE = ("components.few_shot_evaluator", "components.fewshot")


class FewShotEvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "gate": component_spec.ExecutionParameter(type=str),
        "configuration": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        **{name: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True) for name in BASELINES},
        "baseline_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class FewShotEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluates a model, the baselines and the latest blessed model on the same frozen episodes, and decides on the blessing.

    Args:
      episodes: the output of the EpisodeGenerator.
      model: the candidate.
      gate: what the candidate must reach to be blessed.
      baselines: the models that the candidate must beat; their names are those in `BASELINES`.
      baseline_model: the latest blessed model.
      model_run, examples: the report takes its learning curves and its summary of the data from these.
      configuration: the settings of the run as JSON, for the report.
    """

    SPEC_CLASS = FewShotEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        episodes: types.BaseChannel,
        model: types.BaseChannel,
        gate: GateSettings,
        baselines: Mapping[str, types.BaseChannel] | None = None,
        baseline_model: types.BaseChannel | None = None,
        model_run: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        configuration: str = "{}",
    ) -> None:
        spec = FewShotEvaluatorSpec(
            episodes=episodes,
            model=model,
            **(baselines or {}),
            baseline_model=baseline_model,
            model_run=model_run,
            examples=examples,
            gate=gate.model_dump_json(),
            configuration=configuration,
            code_fingerprint=code_fingerprint(*CODE),
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
