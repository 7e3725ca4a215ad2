"""ImageExampleGen: image sets to tf.Examples, one split per class set."""

import posixpath

from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.fingerprint import code_fingerprint
from components.image_example_gen.executor import Executor
from data.settings import ImageSetSettings


def image_example_gen(settings: ImageSetSettings, fingerprint: str = "") -> FileBasedExampleGen:
    """The component that reads an image set; its output `examples` has the splits train, val and test.

    Args:
      settings: which images.
      fingerprint: of `data.sources.image_sets`; the cache is not used once an image has changed. It may be
        left out where the images cannot be listed (when compiling for another machine).
    """
    values = struct_pb2.Struct()
    values["settings"] = settings.model_dump_json()
    values["fingerprint"] = fingerprint
    values["code_fingerprint"] = code_fingerprint("components.image_example_gen", "data")
    config = any_pb2.Any()
    config.Pack(values, deterministic=True)
    patterns = watch(settings)
    base = "".join(posixpath.commonprefix(patterns).rpartition("/")[:2])
    watched = [
        example_gen_pb2.Input.Split(name=f"files-{i}", pattern=pattern.removeprefix(base))
        for i, pattern in enumerate(patterns)
    ]
    return FileBasedExampleGen(
        input_base=base or ".",
        input_config=example_gen_pb2.Input(splits=watched),
        custom_config=example_gen_pb2.CustomConfig(custom_config=config),
        custom_executor_spec=executor_spec.BeamExecutorSpec(Executor),
    ).with_id("ImageExampleGen")


def watch(settings: ImageSetSettings) -> list[str]:
    """Patterns of the files that TFX's driver takes a fingerprint of, for the cache; the executor lists the images itself.

    On a cluster this is all that tells new images from old ones. Globs have no "any depth", so it is three folders deep.
    """
    if settings.way_named == "records":
        return list(settings.roots)
    lists = [settings.splits.split("#", 1)[0]] if settings.splits else []
    return [*lists, *(posixpath.join(root, *("*" * depth)) for root in settings.roots for depth in (1, 2, 3))]
