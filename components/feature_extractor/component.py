"""Specification of the FeatureExtractor."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.feature_extractor import executor
from components.feature_extractor.settings import FeatureSettings
from components.fewshot.base_models.outside import weights_digest
from components.fewshot.base_models.table import user_module
from components.fingerprint import code_fingerprint

CODE = (
    "components.feature_extractor",
    *(
        f"components.fewshot.{name}"
        for name in (
            "base_models",
            "boxes",
            "episodes",
            "images",
            "integrity",
            "parallel",
            "pieces",
            "settings",
            "tensors",
            "words",
        )
    ),
    "components.store_index",
)


class FeatureExtractorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
        "base_model_weights": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"features": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class FeatureExtractor(base_beam_component.BaseBeamComponent):
    """Computes once for each training and validation image what the frozen trunk of a base model makes of it.

    Args:
      episodes: the output of the EpisodeGenerator, whose stores hold the images.
      settings: which base model, and what of it is frozen.
    """

    SPEC_CLASS = FeatureExtractorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, episodes: types.BaseChannel, settings: FeatureSettings) -> None:
        spec = FeatureExtractorSpec(
            episodes=episodes,
            settings=settings.model_dump_json(),
            code_fingerprint=code_fingerprint(*CODE, *user_module(settings.base_model.name)),
            base_model_weights=weights_digest(settings.base_model) or "",
            features=types.Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
