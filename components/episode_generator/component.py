"""Specification of the EpisodeGenerator."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.episode_generator import executor
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fingerprint import code_fingerprint

CODE = (
    "components.episode_generator",
    *(
        f"components.fewshot.{name}"
        for name in ("episodes", "images", "integrity", "parallel", "pieces", "settings", "tensors", "words")
    ),
    "components.store_index",
    "components.transform_graph",
    "data.keys",
    "data.sources",
)


class EpisodeGeneratorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies, optional=True),
    }
    OUTPUTS = {"episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class EpisodeGenerator(base_beam_component.BaseBeamComponent):
    """Writes a class-indexed image store for every split, and freezes the episodes of val and test.

    Args:
      examples: raw examples with the splits train, val and test; the store of test keeps these encoded images.
      transform_graph: makes pixels of those of train and val.
      settings: which episodes are checked and frozen.
      anomalies: what data validation found; the run stops if there is any anomaly.
    """

    SPEC_CLASS = EpisodeGeneratorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        settings: EpisodeGeneratorSettings,
        anomalies: types.BaseChannel | None = None,
    ) -> None:
        spec = EpisodeGeneratorSpec(
            examples=examples,
            transform_graph=transform_graph,
            anomalies=anomalies,
            settings=settings.model_dump_json(),
            code_fingerprint=code_fingerprint(*CODE),
            episodes=types.Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
