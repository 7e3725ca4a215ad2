"""Every setting, shown in 80 columns."""

import pytest

from pipeline.commands import settings
from pipeline.config import RunSettings
from pipeline.setting_keys import setting_keys


def test_all_and_one_section():
    assert [one.key for one in settings.find(None)] == setting_keys(RunSettings)
    gate = settings.find("gate")
    assert [one.key for one in gate] == [
        "gate.threshold", "gate.margin", "gate.drift_margin", "gate.require_baselines"
    ]  # fmt: skip
    assert [one.key for one in settings.find("training.steps")] == ["training.steps"]
    own = {one.key: one for one in settings.find("learner") if one.meaning.startswith("maml: ")}
    assert own["learner.settings.batch_norm"].default == "support" and own["learner.settings.inner_rate"].default == 0.4


def test_a_section_that_is_none():
    with pytest.raises(
        ValueError, match="no section of settings 'trainng'; did you mean training[?] the sections are data,"
    ):
        settings.find("trainng")


def test_shown_in_eighty_columns(capsys):
    settings.show(settings.find(None))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "gate.threshold=0.0                              number" in lines
    assert "    the least lower bound of the accuracy, from 0 to 1" in lines
    assert "training.gradient_clip=                         number" in lines


def test_as_json():
    (one,) = settings.as_json(settings.find("data.images"))
    assert one["key"] == "data.images" and one["default"] == [] and one["type"] == "list" and one["meaning"]
