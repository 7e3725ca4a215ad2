"""Layers of settings: read from a file or from words, and laid over one another. What they hold is checked elsewhere."""

from collections.abc import Iterable, Mapping, Sequence

import yaml

from components.fewshot.settings.sentences import shown


def read_config(path: str) -> dict[str, object]:
    """Returns the layer in a YAML file.

    Raises:
      ValueError: the file cannot be read, or it does not hold settings.
    """
    try:
        with open(path, encoding="utf-8") as file:
            layer = yaml.safe_load(file)
    except OSError as error:
        why = error.strerror
        raise ValueError(f"--config {path}: cannot be read ({why}); expected a YAML file of settings") from error
    except UnicodeDecodeError:
        raise ValueError(f"--config {path}: is not UTF-8 text; expected a YAML file of settings") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        why = getattr(error, "problem", None) or "characters that YAML does not allow"
        raise ValueError(f"--config {path} is not YAML{where}: {' '.join(why.split())}") from None
    if layer is None:
        return {}
    if not isinstance(layer, dict):
        raise ValueError(f"--config {path}: expected settings as `key: value`, got {shown(layer)}")
    return layer


def parse_overrides(pairs: Iterable[str]) -> dict[str, object]:
    """Returns the layer of words such as `training.steps=200` or `episodes.way=[5,10]`: dotted keys, YAML values.

    Raises:
      ValueError: a word has no `=`, or its value is not YAML.
    """
    layer: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not all(key.split(".")):
            raise ValueError(f"expected settings as key=value (training.steps=200), got {pair!r}")
        try:
            parsed = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError):  # ValueError: a date that does not exist
            raise ValueError(f"{key}: expected a YAML value (200, [5, 10], {{a: b}}), got {value!r}") from None
        layer = laid_over(layer, _nested(key.split("."), parsed))
    return layer


def together(*layers: Mapping[str, object]) -> dict[str, object]:
    """Returns what layers make together. Each overrides the one before."""
    merged: dict[str, object] = {}
    for layer in layers:
        merged = laid_over(merged, _with_stages(layer))
        if "learner" in layer and "candidates" not in layer:
            merged.pop("candidates", None)  # who names a learner wants that one
    return merged


def _with_stages(layer: Mapping[str, object]) -> dict[str, object]:
    """Returns a layer in which a list of stages is the last one, with those `before` it, so that layers still merge."""
    stages = layer.get("training")
    if not isinstance(stages, list) or not stages or not all(isinstance(stage, Mapping) for stage in stages):
        return dict(layer)
    *before, last = stages
    return {**layer, "training": {**last, "before": before}}


def laid_over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Returns a section of settings with another laid over it, key by key and at any depth."""
    merged = dict(below)
    if "name" in above and above["name"] != below.get("name"):
        merged.pop("settings", None)  # they are of another learner or base model
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _nested(parts: Sequence[str], value: object) -> dict[str, object]:
    first, *rest = parts
    return {first: _nested(rest, value) if rest else value}
