"""What the nodes in front hand on: the fingerprint of the images, and the schema by its content."""

import os

import pytest
from tfx.types import standard_artifacts

from components.image_example_gen.listing import ImageListing
from components.image_example_gen.schema import image_schema
from data.listing import fingerprint
from data.settings import ImageSetSettings
from tests import pictures
from tests.components import artifacts


def listed(settings: ImageSetSettings, directory) -> str:
    """What the node says of the images."""
    node = ImageListing(settings=settings.model_dump_json())
    told = artifacts.artifact(standard_artifacts.String, directory)
    told.uri = str(directory / "value")
    node.executor_spec.executor_class(None).Do({}, {"fingerprint": [told]}, dict(node.exec_properties))
    return told.read()


def test_the_listing_says_what_changed(tmp_path):
    """It opens no image, so that it also lists links to themselves and names that are not UTF-8."""
    folders = pictures.write_set(tmp_path)
    settings = ImageSetSettings(**folders)
    before = listed(settings, tmp_path / "one")
    assert before == fingerprint(settings) == listed(settings, tmp_path / "two")
    pictures.write_class(tmp_path / "test", "test-a/kind 00", images=9)
    after = listed(settings, tmp_path / "three")
    assert after != before
    (tmp_path / "train" / "train-a" / "kind 00" / "own.png").symlink_to("own.png")
    with open(os.fsencode(tmp_path / "test") + b"/test-a/kind 00/\xe9.png", "wb"):
        pass
    assert listed(settings, tmp_path / "four") not in (before, after)


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
