"""Specification of the Pusher."""

from tfx import types
from tfx.components import Pusher as TfxPusher
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.fingerprint import code_fingerprint
from components.pusher import executor

CODE = (
    "components.pusher",
    *(f"components.fewshot.serving.{name}" for name in ("manifest", "production", "versions")),
    *(f"components.fewshot.{name}" for name in ("episodes.episode", "faults", "integrity", "settings")),
)


class PusherSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {
        "destination": component_spec.ExecutionParameter(type=str),
        "keep": component_spec.ExecutionParameter(type=int),
        "run": component_spec.ExecutionParameter(type=str),
        "recipe": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {"pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}
    TYPE_ANNOTATION = standard_component_specs.PusherSpec.TYPE_ANNOTATION


class Pusher(TfxPusher):
    """Pushes a blessed model to `<destination>/<version>/`; a version is never incomplete.

    Args:
      model: the model to push.
      model_blessing: the result of the evaluator; a model without blessing is not pushed.
      destination: the directory that TF Serving watches.
      keep: how many versions are kept.
      evaluation: its metrics are written into the manifest.
      run: fingerprint of the settings, data and code of the run; written into the manifest.
      recipe: fingerprint of how a run makes a model, whatever the images; written into the manifest.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        destination: str,
        keep: int,
        evaluation: types.BaseChannel | None = None,
        run: str = "",
        recipe: str = "",
    ) -> None:
        spec = PusherSpec(
            model=model,
            model_blessing=model_blessing,
            evaluation=evaluation,
            destination=destination,
            keep=keep,
            run=run,
            recipe=recipe,
            code_fingerprint=code_fingerprint(*CODE),
            pushed_model=types.Channel(type=standard_artifacts.PushedModel),
        )
        # TFX's own constructor knows only its own specification, which has no evaluation.
        base_component.BaseComponent.__init__(self, spec=spec)
