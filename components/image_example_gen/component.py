"""ImageExampleGen: image sets to tf.Examples, one split per class set."""

import posixpath

from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.fingerprint import code_fingerprint
from components.image_example_gen.executor import Executor
from data.settings import ImageSetSettings
from data.splits import SPLITS


def image_example_gen(settings: ImageSetSettings, fingerprint: str = "") -> FileBasedExampleGen:
    """The component that reads an image set; its output `examples` has the splits train, val and test.

    Args:
      settings: which images.
      fingerprint: `data.image_sets.fingerprint(settings)`, so that the cache is not used once an image has changed; may be
        left out where the images cannot be listed (when compiling for another machine).
    """
    values = struct_pb2.Struct()
    values["settings"] = settings.model_dump_json()
    values["fingerprint"] = fingerprint
    values["code_fingerprint"] = code_fingerprint("components.image_example_gen", "data")
    config = any_pb2.Any()
    config.Pack(values, deterministic=True)
    splits = [example_gen_pb2.Input.Split(name=split, pattern=_pattern(settings, split)) for split in SPLITS]
    return FileBasedExampleGen(
        input_base=settings.roots[0],
        input_config=example_gen_pb2.Input(splits=splits),
        custom_config=example_gen_pb2.CustomConfig(custom_config=config),
        custom_executor_spec=executor_spec.BeamExecutorSpec(Executor),
    ).with_id("ImageExampleGen")


def _pattern(settings: ImageSetSettings, split: str) -> str:
    """What TFX's driver takes its own fingerprint of a split from; the executor lists the images itself."""
    if settings.way_named == "records":
        return getattr(settings, f"{split}_tfrecord") or str(settings.train_tfrecord)
    if settings.way_named == "lists":
        return str(settings.splits).split("#", 1)[0]
    return posixpath.join(getattr(settings, f"{split}_dir") or str(settings.train_dir), "*")
