"""Specification of the ImageExampleGen."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.fingerprint import code_fingerprint
from components.image_example_gen import executor
from data.settings import ImageSetSettings

CODE = (
    "components.image_example_gen",
    *(
        f"components.fewshot.{name}"
        for name in ("images", "integrity", "parallel", "pieces", "settings", "tensors", "words")
    ),
    "data",
)


class ImageExampleGenSpec(component_spec.ComponentSpec):
    """Outputs and parameters."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {"examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class ImageExampleGen(base_beam_component.BaseBeamComponent):
    """Reads an image set and writes tf.Examples, with the splits train, val and test.

    TFX's own base class of ExampleGens has a driver that asks for every file, one after another, and cannot be told on which
    machine to run.

    Args:
      settings: which images are read.
      fingerprint: the fingerprint of the images (`data.listing`), or what a node before says that it is; when an image
        changes, it changes too, and the cache is not used.
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, settings: ImageSetSettings, fingerprint: object) -> None:
        spec = ImageExampleGenSpec(
            settings=settings.model_dump_json(),
            fingerprint=fingerprint,
            code_fingerprint=code_fingerprint(*CODE),
            examples=types.Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
