import pytest
from pydantic import ValidationError

from data.settings import ImageSetSettings


@pytest.mark.parametrize(
    ("named", "way"),
    [
        ({"train_dir": "a", "test_dir": "b"}, "folders"),
        ({"train_dir": "a", "val_dir": "c", "test_dir": "b"}, "folders"),
        ({"images": ("a", "b"), "splits": "s.json#lake"}, "lists"),
        ({"images": ("a",)}, "lists"),
        ({"train_tfrecord": "a*", "test_tfrecord": "b*"}, "records"),
    ],
)
def test_each_way_of_naming_the_data(named, way):
    settings = ImageSetSettings(**named)
    assert settings.way_named == way
    assert set(settings.roots) == {value for key, value in named.items() if key not in ("images", "splits")} | set(
        named.get("images", ())
    )


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, "no images are named: give images \\(splits if you have"),
        ({"train_dir": "a"}, "train_dir came without test_dir"),
        ({"val_dir": "a"}, "val_dir came without train_dir and test_dir"),
        ({"images": ("a", "b", "a"), "splits": "s"}, "images names 'a' more than once"),
        ({"splits": "a"}, "splits came without images"),
        (
            {"train_dir": "a", "test_dir": "b", "images": ("c",)},
            "train_dir and test_dir and images name the data in 2 ways",
        ),
        ({"train_tfrecord": "a"}, "train_tfrecord came without test_tfrecord"),
        ({"train_dir": "a", "test_dir": "b", "validation_split": 1.0}, "less than 1"),
        ({"train_dir": "a", "test_dir": "b", "max_reject_fraction": -0.1}, "greater than or equal to 0"),
        ({"train_dir": "a", "test_dir": "b", "tset_dir": "b"}, "Extra inputs are not permitted"),
    ],
)
def test_anything_else_says_what_to_give(named, message):
    with pytest.raises(ValidationError, match=message):
        ImageSetSettings(**named)


def test_settings_survive_json():
    settings = ImageSetSettings(images=("a 'b' \"c\"", "日本"), splits="s.json")
    assert ImageSetSettings.model_validate_json(settings.model_dump_json()) == settings


def test_the_share_of_validation():
    dealt, listed = ImageSetSettings(images=("a",)), ImageSetSettings(images=("a",), splits="s")
    assert (dealt.deals, dealt.validation_share) == (True, 0.2)
    assert (listed.deals, listed.validation_share) == (False, 0.1)
    assert ImageSetSettings(images=("a",), validation_split=0.3).validation_share == 0.3


@pytest.mark.parametrize("spans", [0, -1, True, "oldest", 1.5])
def test_spans_that_are_none(spans):
    with pytest.raises(ValueError, match=f"expected all, newest, or a number of spans, got {spans!r}"):
        ImageSetSettings(images=("photos/span-{SPAN}",), spans=spans)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"train_dir": "span-{SPAN}", "test_dir": "test"}, "a pattern of spans only in images, got 'span-{SPAN}'"),
        ({"train_dir": "train", "test_dir": "test", "sides": "s.json"}, "sides came without classes to deal"),
        ({"images": ("a-{YYYY}",)}, "expected {SPAN}, or {YYYY}, {MM} and {DD} together, got 'a-{YYYY}'"),
    ],
)
def test_spans_and_sides_where_they_mean_nothing(named, sentence):
    with pytest.raises(ValueError) as error:
        ImageSetSettings(**named)
    assert sentence in str(error.value)
