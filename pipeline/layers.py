"""The settings that a command line names, and what can be checked of them before TFX is imported.

Imports are inside the functions, because `pipeline/cli.py` imports this module and `fewshot --help` must answer at once.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import RunSettings


def settings_of(
    preset: str | None, config: str | None, data: Mapping[str, object], overrides: Sequence[str] | None
) -> "RunSettings":
    """Returns the settings of a run. Each layer overrides the one before: preset, file, options, key=value.

    Args:
      preset: name of a preset. The default is `photos` if a layer names images, `images` if these are all grey, and `glyphs` if
        there are none.
      config: path of a YAML file.
      data: settings of `data` by name; None and an empty list count as not given.
      overrides: words such as `training.steps=200`.

    Raises:
      ValueError: an option is empty, a layer cannot be read, or a setting in it is unknown or wrong.
    """
    from pipeline.config import load_settings
    from pipeline.presets import find_preset
    from pipeline.setting_layers import parse_overrides, read_config

    for option, value in {"preset": preset, "config": config, **data}.items():
        if value == "" or (isinstance(value, list) and "" in value):
            option = option.replace("_", "-")
            raise ValueError(f"--{option}: expected a value, got nothing; is a variable of your shell empty?")
    named = {key: value for key, value in data.items() if value}
    layers: list[Mapping[str, object]] = [
        read_config(config) if config else {},
        {"data": named} if named else {},
        parse_overrides(overrides or []),
    ]
    below = find_preset(preset or _preset_for(layers))
    try:
        return load_settings(below, *layers)
    except ValueError as error:
        if config:
            load_settings(below, *layers[1:])  # if this fails too, it is not the file
            raise ValueError(f"--config {config}: {error}") from error
        raise


def _preset_for(layers: Sequence[Mapping[str, object]]) -> str:
    """Returns the name of the preset for the images that layers name."""
    from data.sources.colour import are_grey

    if not any("data" in layer for layer in layers):
        return "glyphs"
    roots: list[str] = []
    for layer in layers:
        data = layer.get("data")
        named = data if isinstance(data, Mapping) else {}
        for value in (named.get(key) for key in ("images", "train_dir", "test_dir")):
            roots += value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return "images" if are_grey([root for root in roots if isinstance(root, str)]) else "photos"


def check_places(settings: "RunSettings", root: str, output: str, mounted: bool) -> None:
    """Checks the paths of a pipeline that is compiled for a cluster.

    Args:
      settings: of the run.
      root: directory of the runs.
      output: the file to write.
      mounted: whether the cluster mounts the paths of this machine.

    Raises:
      ValueError: the cluster cannot reach a path, or the output cannot be written.
    """
    data = settings.data
    named = [root, *(data.roots if data else ()), *((data.splits, data.sides) if data else ())]
    named += [settings.push.destination, settings.trainer().warm_start]
    local = [
        path for path in named if path and "://" not in path and path != "production"
    ]  # compiling refuses that by itself
    if local and not mounted:
        raise ValueError(
            f"{local[0]} is a path of this machine: expected one that the cluster can reach (gs://bucket/...), or --mounted if"
            " the cluster mounts it at the same place"
        )
    folder = os.path.dirname(os.path.abspath(output))
    if not os.path.isdir(folder):
        raise ValueError(f"--output {output}: no such folder; create it first")
    if not output or os.path.isdir(output):
        raise ValueError(f"--output {output}: expected a file to write, got {'a directory' if output else 'nothing'}")
    if not os.access(output if os.path.exists(output) else folder, os.W_OK):
        raise ValueError(f"--output {output}: cannot be written; choose another file, or change its permissions")


def check_adapt_options(
    support: str | None, query: str | None, state: str | None, save_state: str | None, csv: str | None, html: str | None
) -> None:
    """Raises ValueError if the options of `fewshot adapt` do not say what it adapts to, or what it makes of it."""
    if (support is None) == (state is None):
        got = "both" if support else "neither"
        raise ValueError(f"expected --support (a folder of one folder per class) or --state (a file), got {got}")
    if query is None and save_state is None:
        raise ValueError("expected --query (images to predict), --save-state (a file to write), or both; got neither")
    if query is None and (csv or html):
        raise ValueError(f"{'--csv' if csv else '--html'} shows predictions: say with --query what is predicted")


def check_base_model(settings: "RunSettings") -> None:
    """Builds the base models, which needs Keras, to find out before a run whether they can be built.

    Raises:
      ValueError: one cannot be built with its settings, or what is to be trained has no weights.
    """
    from components.fewshot.base_models.pure import PureModel
    from components.fewshot.base_models.table import pure_base_model
    from components.fewshot.learners import build_learner

    bases: dict[str, PureModel] = {}
    for run in settings.contenders.values():
        key = run.base_model.model_dump_json()
        base = bases[key] = bases.get(key) or pure_base_model(run.base_model, run.image.shape)
        stages = [*((stage.learner, stage.steps) for stage in run.training.before), (run.learner, run.training.steps)]
        for choice, steps in stages:
            weights = build_learner(choice, base, 2, 2).variables()
            if steps and not weights.base + weights.own:
                raise ValueError(
                    f"learner {choice.name!r} has nothing to train with base_model.trainable={run.base_model.trainable}: set"
                    " training.steps=0, or give it something to learn (learner.settings.residual=0.01)"
                )
