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
      preset: name of a preset. The default is `photos` if a layer names images, `images` if these are all grey, `detect-photos`
        if boxes are annotated in them, and `glyphs` if there are none.
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
    roots, kind = _roots(layers), _kind(layers)
    found = {"data": {"kind": kind}} if roots and kind else {}
    below = find_preset(preset or _preset_for(roots, kind)), found
    try:
        return load_settings(*below, *layers)
    except ValueError as error:
        if config:
            load_settings(*below, *layers[1:])  # if this fails too, it is not the file
            raise ValueError(f"--config {config}: {error}") from error
        raise


def _preset_for(roots: Sequence[str], kind: str | None) -> str:
    """Returns the name of the preset for images in these folders."""
    from data.sources.colour import are_grey

    if not roots:
        return "glyphs"
    if kind == "detection":
        return "detect-photos"
    return "images" if are_grey(roots) else "photos"


def _kind(layers: Sequence[Mapping[str, object]]) -> str | None:
    """Returns the kind of task that a layer names, or that the images are for; None if nothing says it.

    A bucket is not looked into: that may take minutes, and a pipeline may be compiled where it cannot be reached.
    """
    from data.listing import kind_of
    from data.sources.tree import is_remote
    from data.spans import is_pattern

    named: dict[str, object] = {}
    for layer in layers:
        named |= _data(layer)
    if isinstance(kind := named.get("kind"), str):
        return kind
    if named.get("annotations"):
        return "detection"
    folders = [root for root in _roots(layers) if not is_pattern(root) and not is_remote(root)]
    return kind_of(folders[0]) if folders else None


def _roots(layers: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns the folders of images that layers name."""
    found: list[object] = []
    for layer in layers:
        for value in (_data(layer).get(key) for key in ("images", "train_dir", "test_dir")):
            found += value if isinstance(value, list) else [value]
    return [root for root in found if isinstance(root, str)]


def _data(layer: Mapping[str, object]) -> Mapping[str, object]:
    data = layer.get("data")
    return data if isinstance(data, Mapping) else {}


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
    support: str | None,
    query: str | None,
    state: str | None,
    save_state: str | None,
    annotations: str | None,
    shows: Mapping[str, str | None],
) -> None:
    """Raises ValueError if the options of `fewshot adapt` do not say what it adapts to, or what it makes of it.

    Args:
      shows: the options that show predictions.
    """
    if (support is None) == (state is None):
        got = "both" if support else "neither"
        raise ValueError(f"expected --support (a folder of one folder per class) or --state (a file), got {got}")
    if query is None and save_state is None:
        raise ValueError("expected --query (images to predict), --save-state (a file to write), or both; got neither")
    if annotations and support is None:
        raise ValueError("--annotations says where the boxes of --support lie, and there is none")
    for option, value in shows.items():
        if value is not None and query is None:
            raise ValueError(f"{option} shows predictions: say with --query what is predicted")


def check_base_model(settings: "RunSettings") -> None:
    """Builds the base models, which needs Keras, to find out before a run whether they can be built.

    Raises:
      ValueError: one cannot be built with its settings, or what is to be trained has no weights.
    """
    from components.fewshot.base_models.pure import PureModel
    from components.fewshot.base_models.table import pure_base_model
    from components.fewshot.kinds import KINDS
    from components.fewshot.learners import build_learner

    bases: dict[str, PureModel] = {}
    for run in settings.contenders.values():
        key = run.base_model.model_dump_json()
        base = bases[key] = bases.get(key) or pure_base_model(run.base_model, run.image.shape)
        stages = [*((stage.learner, stage.steps) for stage in run.training.before), (run.learner, run.training.steps)]
        for choice, steps in stages:
            weights = build_learner(choice, base, 2, 2, among=KINDS[settings.kind].learners).variables()
            if steps and not weights.base + weights.own:
                raise ValueError(
                    f"learner {choice.name!r} has nothing to train with base_model.trainable={run.base_model.trainable}: set"
                    " training.steps=0, or give it something to learn (learner.settings.residual=0.01)"
                )
