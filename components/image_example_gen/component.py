"""ImageExampleGen: it reads image sets and writes tf.Examples, with the splits train, val and test."""

import glob
import posixpath

from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.fingerprint import code_fingerprint
from components.image_example_gen.executor import Executor
from data.settings import ImageSetSettings

CODE = (
    "components.image_example_gen",
    *(f"components.fewshot.{name}" for name in ("images", "integrity", "parallel", "settings", "tensors", "words")),
    "data",
)


def image_example_gen(settings: ImageSetSettings, fingerprint: str = "") -> FileBasedExampleGen:
    """Returns the component that reads an image set; its output `examples` has the splits train, val and test.

    Args:
      settings: which images are read.
      fingerprint: the fingerprint of the images (`data.sources.image_sets`); when an image changes, it changes too, and
        the cache is not used. Leave it out where the images cannot be listed, as when compiling for another machine;
        TFX's driver then looks at the files, which it cannot if a link leads nowhere or a name is not UTF-8.
    """
    values = struct_pb2.Struct()
    values["settings"] = settings.model_dump_json()
    values["fingerprint"] = fingerprint
    values["code_fingerprint"] = code_fingerprint(*CODE)
    config = any_pb2.Any()
    config.Pack(values, deterministic=True)
    patterns = [f"listed-{fingerprint}"] if fingerprint else watch(settings)  # a name that no file has: TFX wants one
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
    """Returns patterns of the files whose fingerprint TFX's driver takes for the cache; the executor lists the images itself.

    On a cluster nothing else shows that the images have changed. A glob cannot match every depth, so three levels of
    folders are watched.
    """
    if settings.way_named == "records":
        return list(settings.roots)
    lists = [settings.splits.split("#", 1)[0]] if settings.splits else []
    roots = [glob.escape(root) for root in settings.roots]  # brackets in a path are meant as they are
    return [*lists, *(posixpath.join(root, *("*" * depth)) for root in roots for depth in (1, 2, 3))]
