"""Which settings there are, and what is said of each."""

from pipeline.config import RunSettings
from pipeline.setting_keys import all_settings, setting_keys


def test_every_setting_says_what_it_is():
    settings = {setting.key: setting for setting in all_settings(RunSettings)}
    assert [key for key, setting in settings.items() if not setting.meaning] == []
    assert settings["training.steps"][1:3] == (2000, "whole number")
    assert settings["episodes.way"][1:3] == (5, "whole number or range")
    assert settings["data.train_dir"][1:3] == (None, "text")
    assert settings["training.schedule"].type == "constant or cosine or halving"


def test_keys():
    keys = setting_keys(RunSettings)
    assert {"seed", "training.steps", "episodes.way", "data.train_dir", "gate.threshold", "also"} <= set(keys)
