"""The schema of examples as a component. Its parameter is the content of the schema, so an edited file is not taken from the
cache."""

import importlib.resources
import os

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

from components.fingerprint import code_fingerprint

SCHEMA_FILES = {
    kind: str(importlib.resources.files("data") / name)
    for kind, name in (("classification", "schema.pbtxt"), ("detection", "scene_schema.pbtxt"))
}
FILE_NAME = "schema.pbtxt"  # TFX looks for this name


@component
def ImageSchema(content: Parameter[str], code_fingerprint: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Writes the schema, the text of a `tensorflow.metadata.v0.Schema`.

    TFX's own ImportSchemaGen takes a path. The cache would not notice a change of the file, and on a cluster the file does not
    exist.
    """
    del code_fingerprint  # only needed in the key of the cache
    io_utils.write_string_file(os.path.join(schema.uri, FILE_NAME), content)


def image_schema(path: str | None = None, kind: str = "classification") -> BaseComponent:
    """Returns the component that provides the schema in the file `path`, or the built-in schema for a kind of task.

    Raises:
      ValueError: there is no such file, or it is not a schema.
    """
    code = code_fingerprint("components.image_example_gen.schema")
    return ImageSchema(content=read_schema(path or SCHEMA_FILES[kind]), code_fingerprint=code)


def read_schema(path: str) -> str:
    """Returns the text of a schema file; raises ValueError if there is no such file, or if it is not a schema."""
    if not fileio.exists(path):
        raise ValueError(
            f"schema_file {path!r}: no such file; expected a tensorflow.metadata.v0.Schema as text (.pbtxt)"
        )
    with fileio.open(path) as file:
        content = file.read()
    try:
        text_format.Parse(content, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ValueError(
            f"schema_file {path!r}: expected a tensorflow.metadata.v0.Schema as text (.pbtxt), got something else: {error}"
        ) from error
    return content
