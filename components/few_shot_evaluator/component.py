"""Specification of the FewShotEvaluator."""

import json
from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.few_shot_evaluator import executor
from components.few_shot_evaluator.baselines import BASELINES
from components.few_shot_evaluator.settings import GateSettings
from components.fingerprint import code_fingerprint

CODE = ("components.few_shot_evaluator", "components.fewshot", "data.spans")


class FewShotEvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "gate": component_spec.ExecutionParameter(type=str),
        "destination": component_spec.ExecutionParameter(type=str),
        "served": component_spec.ExecutionParameter(type=str),
        "configuration": component_spec.ExecutionParameter(type=str),
        "judged": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        **{name: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True) for name in BASELINES},
        "candidates": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "drift": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class FewShotEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluates a model, the baselines and the model in production on the same frozen episodes, and decides on the blessing.

    Args:
      episodes: the output of the EpisodeGenerator.
      model: the candidate.
      gate: what the candidate must reach to be blessed.
      baselines: the models that the candidate must beat; their names are those in `BASELINES`.
      destination: the directory that models are pushed to; the one in production is there.
      served: the directories of the versions in `destination` at the start of the run, which become a part of the cache key;
        None if the executor must look for itself, because the run starts later and elsewhere.
      model_run, examples, drift: the report takes its learning curves, its summary of the data, and what it says of images that
        came from these.
      configuration: the settings of the run as JSON, for the report.
      judged: directory where results are kept, so that a model is not judged again on episodes that it was judged on; empty if
        nothing is to be kept.
      candidates: the models of which `model` was chosen; they are judged and shown, and do not decide.
    """

    SPEC_CLASS = FewShotEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        episodes: types.BaseChannel,
        model: types.BaseChannel,
        gate: GateSettings,
        baselines: Mapping[str, types.BaseChannel] | None = None,
        destination: str = "",
        served: Sequence[str] | None = None,
        model_run: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        configuration: str = "{}",
        judged: str = "",
        candidates: types.BaseChannel | None = None,
        drift: types.BaseChannel | None = None,
    ) -> None:
        spec = FewShotEvaluatorSpec(
            episodes=episodes,
            model=model,
            **(baselines or {}),
            candidates=candidates,
            model_run=model_run,
            examples=examples,
            drift=drift,
            gate=gate.model_dump_json(),
            destination=destination,
            served="" if served is None else json.dumps(list(served)),
            configuration=configuration,
            judged=judged,
            code_fingerprint=code_fingerprint(*CODE),
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
