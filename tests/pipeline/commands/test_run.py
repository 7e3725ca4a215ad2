"""What `fewshot run` finds out before it starts, from a listing of the images."""

import pytest

from data.settings import ImageSetSettings
from pipeline.commands.run import check_data, check_training
from pipeline.config import RunSettings, load_settings
from pipeline.presets import find_preset

LITE = {"base_model": {"name": "efficientnet_lite0"}}


def given(tmp_path, images: list[int], **layer) -> tuple[RunSettings, ImageSetSettings]:
    """A folder of classes with so many files, and the settings of a run on it."""
    for number, count in enumerate(images):
        (tmp_path / "photos" / f"c{number}").mkdir(parents=True)
        for image in range(count):
            (tmp_path / "photos" / f"c{number}" / f"{image}.png").write_bytes(b"not read")
    data = {"data": {"images": [str(tmp_path / "photos")]}}
    settings = load_settings(find_preset("images"), data, layer)
    return settings, settings.data


def test_a_folder_that_nobody_divided(tmp_path, capsys):
    settings, data = given(tmp_path, [3] * 20)
    classes = check_data(settings, data)
    assert all(len(classes[split].names) >= least for split, least in (("train", 2), ("val", 2), ("test", 4)))
    check_training(settings, classes)
    assert capsys.readouterr().err == ""


def test_few_classes_need_weights_from_elsewhere(tmp_path, capsys):
    settings, data = given(tmp_path, [2, 2])
    classes = check_data(settings, data)
    with pytest.raises(
        ValueError, match=r"^2 classes with 4 images are too few to train on: .* add 6 classes of 2 images"
    ):
        check_training(settings, classes)
    check_training(load_settings(find_preset("images"), LITE), classes)
    said = "2 classes are too few to train on, so all are test classes, and nothing is trained or calibrated"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "lacking"), [([2, 1], "c1 lacks 1"), ([1, 1, 1], "c0 lacks 1, c1 lacks 1, c2 lacks 1")]
)
def test_below_two_classes_of_two_images_it_says_how_many_are_missing_where(tmp_path, images, lacking):
    settings, data = given(tmp_path, images, **LITE)
    with pytest.raises(
        ValueError, match=r"^split 'test': .* need 2 classes of at least 2 images each, but only"
    ) as error:
        check_data(settings, data)
    assert str(error.value).endswith(f"add classes or images to test ({lacking})")


def test_what_is_asked_for_is_not_fitted(tmp_path):
    settings, data = given(tmp_path, [2, 2], episodes={"way": 3}, **LITE)
    with pytest.raises(
        ValueError, match=r"episodes of 3-way 1-shot with 1 query image need 3 classes .*, or lower episodes.way$"
    ):
        check_data(settings, data)
