"""Layers from files and words, and what cannot be read as one."""

import pytest

from pipeline.config import load_settings
from pipeline.setting_layers import laid_over, parse_overrides, read_config


def test_files(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("seed: 4\ntraining: {steps: 9}\n")
    assert load_settings(read_config(str(path))).training.steps == 9
    for content, said in (
        ("a: [", "is not YAML in line 1, column 5: expected the node content"),
        ("a: \0", "is not YAML: characters that YAML does not allow"),
        ("- 1", r"expected settings as `key: value`, got \[1\]"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=said):
            read_config(str(path))
    path.write_bytes("größe: 1".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_config(str(path))
    path.write_text("")
    assert read_config(str(path)) == {}
    for missing in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            read_config(str(missing))


def test_words_that_are_no_settings():
    for word in ("steps", "=3", ".steps=3", "training..steps=3"):
        with pytest.raises(ValueError, match=f"expected settings as key=value .*, got '{word}'"):
            parse_overrides([word])
    with pytest.raises(ValueError, match="seed: expected a YAML value .*, got '2020-13-45'"):
        parse_overrides(["seed=2020-13-45"])


def test_one_layer_over_another():
    below = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert laid_over(below, {"a": {"c": [9]}, "e": None}) == {"a": {"b": 1, "c": [9]}, "d": 3, "e": None}
    assert below == {"a": {"b": 1, "c": [1, 2]}, "d": 3}
