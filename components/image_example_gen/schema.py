"""The schema of examples as a component: by its content, so that an edited file is never answered from the cache."""

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

SCHEMA_FILE = str(importlib.resources.files("data") / "schema.pbtxt")
FILE_NAME = "schema.pbtxt"  # by which TFX finds it


@component
def ImageSchema(content: Parameter[str], code_fingerprint: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Writes the schema: the text of a `tensorflow.metadata.v0.Schema`.

    TFX's own ImportSchemaGen takes a path: its cache would not see that the file has changed, and a cluster has no such file.
    """
    del code_fingerprint  # a part of the cache's key
    io_utils.write_string_file(os.path.join(schema.uri, FILE_NAME), content)


def image_schema(path: str | None = None) -> BaseComponent:
    """The component that gives the schema in the file `path`, or the built-in one.

    Raises:
      ValueError: there is no such file, or it is no schema.
    """
    code = code_fingerprint("components.image_example_gen.schema")
    return ImageSchema(content=read_schema(path or SCHEMA_FILE), code_fingerprint=code)


def read_schema(path: str) -> str:
    """The text of a schema file; raises ValueError if there is none, or it is no schema."""
    if not fileio.exists(path):
        raise ValueError(
            f"schema_file {path!r}: no such file; expected a tensorflow.metadata.v0.Schema as text (.pbtxt)"
        )
    with fileio.open(path) as file:
        content = file.read()
    try:
        text_format.Parse(content, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ValueError(f"schema_file {path!r} is no tensorflow.metadata.v0.Schema as text: {error}") from error
    return content
