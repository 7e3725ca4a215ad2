"""What the component hands to TFX: patterns whose files its driver looks at, and the schema by its content."""

import os

import pytest
from tfx.components.example_gen.input_processor import FileBasedInputProcessor
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from components.image_example_gen.component import image_example_gen, watch
from components.image_example_gen.schema import image_schema
from data.settings import ImageSetSettings
from tests import pictures


def watched(settings: ImageSetSettings, known: str = "") -> tuple[str, list[str]]:
    """(base, patterns) as the driver sees them."""
    properties = image_example_gen(settings, known).exec_properties
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    return properties[standard_component_specs.INPUT_BASE_KEY], list(config.splits)


def fingerprint(settings: ImageSetSettings, known: str = "") -> str:
    """That of TFX's driver."""
    base, splits = watched(settings, known)
    processor = FileBasedInputProcessor(base, splits)
    return processor.get_input_fingerprint(*processor.resolve_span_and_version())


def test_the_driver_opens_no_file_where_the_images_have_been_listed(tmp_path):
    """It could not: it ends at a link to itself and at a name that is not UTF-8."""
    folders = pictures.write_set(tmp_path)
    settings = ImageSetSettings(**folders)
    before = fingerprint(settings, "known")
    (tmp_path / "train" / "train-a" / "own").symlink_to("own")
    with open(os.fsencode(tmp_path / "test") + b"/test-a/\xe9.png", "wb"):
        pass
    assert fingerprint(settings, "known") == before


@pytest.mark.parametrize("relative", [False, True])
def test_the_driver_sees_a_new_image(tmp_path, monkeypatch, relative):
    tmp_path = tmp_path / "of [v2]"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    folders = pictures.write_set(tmp_path)
    if relative:
        folders = {key: value.removeprefix(f"{tmp_path}/") for key, value in folders.items()}
    settings = ImageSetSettings(**folders)
    before = fingerprint(settings)
    assert fingerprint(settings) == before
    pictures.write_class(tmp_path / "test", "test-a/kind 00", images=9)
    assert fingerprint(settings) != before


@pytest.mark.parametrize(
    ("settings", "base", "patterns"),
    [
        ({"train_dir": "gs://b/train", "test_dir": "gs://b/test"}, "gs://b/", ["train/*", "train/*/*", "train/*/*/*"]),
        ({"train_dir": "gs://a", "test_dir": "gs://b"}, "gs://", ["a/*", "a/*/*", "a/*/*/*"]),
        ({"images": ["one", "two"], "splits": "lists.json#x"}, ".", ["lists.json", "one/*", "one/*/*"]),
        ({"train_tfrecord": "/r/train-*", "test_tfrecord": "/r/test-*"}, "/r/", ["train-*", "test-*"]),
    ],
)
def test_patterns_are_below_their_base(settings, base, patterns):
    found, splits = watched(ImageSetSettings(**settings))
    assert found == base and [split.pattern for split in splits][: len(patterns)] == patterns
    assert len({split.name for split in splits}) == len(splits) == len(watch(ImageSetSettings(**settings)))


def test_an_edited_schema_is_another_parameter(tmp_path):
    built_in = image_schema().exec_properties["content"]
    assert "image/class/text" in built_in
    own = tmp_path / "schema.pbtxt"
    own.write_text(built_in)
    assert image_schema(str(own)).exec_properties == image_schema().exec_properties
    own.write_text(built_in.replace("PNG", "TIFF"))
    assert image_schema(str(own)).exec_properties["content"] != built_in


def test_a_schema_that_is_none(tmp_path):
    with pytest.raises(ValueError, match="schema_file 'nowhere': no such file"):
        image_schema("nowhere")
    (tmp_path / "bad").write_text("feature: 3")
    with pytest.raises(ValueError, match=r"schema_file .* expected a tensorflow.metadata.v0.Schema as text"):
        image_schema(str(tmp_path / "bad"))
