"""The sentence about a base model that needs training and has nothing to be trained on."""

import pytest

from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.untrainable import untrainable

FEW = [("ash", 4), ("elm", 1), ("oak", 2)]


def settings_of(name: str = "conv4", steps: int = 5, **more) -> TrainerSettings:
    return TrainerSettings.model_validate({"base_model": {"name": name}, "training": {"steps": steps}} | more)


def test_what_is_there_what_is_missing_where_and_what_to_do():
    assert untrainable(settings_of(), FEW) == (
        "3 classes with 7 images are too few to train on: 2 of them have the 2 images that an episode needs at least, and 8 must"
        " (4 to test on, 2 to validate with, 2 to train on); base_model.name=conv4 brings no weights of its own: add 6 classes of"
        " 2 images, or images (elm lacks 1), or choose base_model.name=efficientnet_lite0, which needs no training"
        " (training.steps=0, if yours needs none either)"
    )
    seven = [(f"c{number}", 2) for number in range(7)]
    assert "add 1 class of 2 images, or choose" in untrainable(settings_of(), seven)


@pytest.mark.parametrize(
    "settings",
    [
        settings_of("efficientnet_lite0"),
        settings_of(steps=0),
        settings_of(warm_start="served/7"),
        settings_of(needs_training=False),
    ],
    ids=["weights from outside", "no training wanted", "weights of an earlier model", "a baseline"],
)
def test_nothing_is_said_where_nothing_has_to_be_trained(settings):
    assert untrainable(settings, FEW) is None


def test_random_weights_of_a_model_that_could_have_others_need_training():
    random = {"base_model": {"name": "efficientnet_lite0", "settings": {"weights": None}}}
    assert "efficientnet_lite0 brings no weights" in (untrainable(settings_of(**random), FEW) or "")


def test_a_detector_needs_training_whatever_its_trunk_brings():
    detector = {"name": "faster_rcnn", "settings": {"trunk": "efficientnet_lite0"}}
    said = untrainable(TrainerSettings(kind="detection", base_model=detector), FEW)
    assert said and "add" in said and said.endswith("or start from a detector that was trained elsewhere (warm_start)")
