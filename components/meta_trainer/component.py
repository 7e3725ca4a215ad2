"""Specification of the MetaTrainer."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.fewshot.base_models.outside import weights_digest
from components.fewshot.base_models.table import user_module
from components.fingerprint import code_fingerprint
from components.meta_trainer import executor
from components.meta_trainer.settings import TrainerSettings

CODE = (
    "components.meta_trainer",
    "components.fewshot",
    "components.transform_graph",
    "data.keys",
    "data.sources.dealing",
)


class MetaTrainerSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "checkpoint_root": component_spec.ExecutionParameter(type=str),
        "title": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
        "base_model_weights": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "episodes": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
        "features": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }


class MetaTrainer(base_component.BaseComponent):
    """Trains a learner on episodes and exports a SavedModel that adapts at serving time.

    Args:
      episodes: the output of the EpisodeGenerator.
      transform_graph: becomes a part of the SavedModel, so that serving decodes images as training does.
      settings: what is trained and how.
      checkpoint_root: the directory of the checkpoints, from which a killed run continues.
      title: the text in front of the progress bar.
      features: the output of the FeatureExtractor, if a trunk of the base model is frozen.
    """

    SPEC_CLASS = MetaTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        episodes: types.BaseChannel,
        transform_graph: types.BaseChannel,
        settings: TrainerSettings,
        checkpoint_root: str,
        title: str = "training",
        features: types.BaseChannel | None = None,
    ) -> None:
        spec = MetaTrainerSpec(
            episodes=episodes,
            transform_graph=transform_graph,
            features=features,
            settings=settings.model_dump_json(),
            checkpoint_root=checkpoint_root,
            title=title,
            code_fingerprint=code_fingerprint(*CODE, *user_module(settings.base_model.name)),
            base_model_weights=weights_digest(settings.base_model) or "",
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
