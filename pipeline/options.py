"""Options that several commands share.

Imports nothing heavy, so that `fewshot --help` answers at once.
"""

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import typer

from pipeline.presets import PRESETS

ROOT = "fewshot-runs"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RunId = Annotated[str, typer.Argument(help="Id of a run, the beginning of one, or `latest`.")]
Root = Annotated[str, typer.Option("--root", help="Directory of artifacts, metadata, checkpoints and pushed models.")]
History = Annotated[
    str,
    typer.Option(
        "--root", help="Directory of runs; or a bucket's folder (gs://...), or a team's database (mysql://...)."
    ),
]
Model = Annotated[str, typer.Option("--model", help="An exported model, or a directory that models are pushed to.")]
Splits = Annotated[str | None, typer.Option("--splits", help="Classes of each split: file.json or file.json#name.")]

Annotations = Annotated[
    str | None,
    typer.Option(
        "--annotations", help="File or folder of boxes (VOC, COCO, YOLO); by default they lie beside the images."
    ),
]

Overrides = Annotated[list[str] | None, typer.Argument(help="Settings as key=value, such as training.steps=200.")]
Preset = Annotated[str | None, typer.Option("--preset", help=f"Settings by name: {', '.join(PRESETS)}.")]
Config = Annotated[str | None, typer.Option("--config", help="YAML file of settings. It overrides the preset.")]
TrainDir = Annotated[str | None, typer.Option("--train-dir", help="Folder of the classes to train on.")]
ValDir = Annotated[
    str | None,
    typer.Option("--val-dir", help="Folder of the validation classes. Without it, some train classes are held out."),
]
TestDir = Annotated[str | None, typer.Option("--test-dir", help="Folder of the classes to test on.")]
Images = Annotated[
    list[str] | None, typer.Option("--images", help="Folder of one folder per class. May be given several times.")
]


def check_root(root: str) -> None:
    """Raises ValueError if `root` is not a directory of this machine that can be written, and cannot become one."""
    if "://" in root:
        raise ValueError(f"--root {root}: expected a directory of this machine; `fewshot compile` is for other places")
    check_directory("--root", root)


def check_directory(option: str, path: str) -> None:
    """Raises ValueError if `path`, the value of `option`, cannot be written as a directory; one that is not local passes."""
    if not path:
        raise ValueError(f"{option}: expected a directory, got nothing; is a variable of your shell empty?")
    if "://" in path:
        return
    nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        raise ValueError(f"{option} {path}: expected a directory, but {nearest} is a file; choose another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ValueError(f"{option} {path}: {nearest} cannot be written; choose another, or change its permissions")


class SettingsOptions(NamedTuple):
    """The options that make the settings of a run."""

    overrides: Overrides = None
    preset: Preset = None
    config: Config = None
    train_dir: TrainDir = None
    val_dir: ValDir = None
    test_dir: TestDir = None
    images: Images = None
    splits: Splits = None
    annotations: Annotations = None

    @property
    def data(self) -> dict[str, str | list[str] | None]:
        """Those that name images, by the name of the setting."""
        return {
            "train_dir": self.train_dir,
            "val_dir": self.val_dir,
            "test_dir": self.test_dir,
            "images": self.images,
            "splits": self.splits,
            "annotations": self.annotations,
        }


class ClusterOptions(NamedTuple):
    """The options that name a cluster, and whether it is really asked."""

    project: Annotated[str | None, typer.Option("--project", help="Project of Vertex AI.")] = None
    location: Annotated[str | None, typer.Option("--location", help="Location of Vertex AI, such as europe-west4.")] = (
        None
    )
    service_account: Annotated[
        str | None, typer.Option("--service-account", help="Account that the platform runs it as.")
    ] = None
    host: Annotated[str | None, typer.Option("--host", help="Address of the API of Kubeflow Pipelines.")] = None
    namespace: Annotated[
        str | None, typer.Option("--namespace", help="Namespace of your team, where several share Kubeflow.")
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, as JSON, and send nothing.")] = (
        False
    )


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replaces each parameter of a command that is a group of options (a NamedTuple) by one option per field.

    Typer reads options from a signature and knows no groups of them. Hence this changes the signature that Typer sees.
    """
    groups = {
        name: parameter.annotation
        for name, parameter in inspect.signature(command).parameters.items()
        if hasattr(parameter.annotation, "_fields")
    }
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        fields = inspect.signature(groups[name]).parameters.values() if name in groups else [parameter]
        parameters += [field.replace(kind=inspect.Parameter.KEYWORD_ONLY) for field in fields]

    @functools.wraps(command)
    def called(**values: object) -> None:
        given = {name: group._make(values.pop(field) for field in group._fields) for name, group in groups.items()}
        command(**given, **values)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # mypy does not know this attribute
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def given_of(options: Mapping[str, object]) -> list[str]:
    """Returns the options that were given, of those whose default means nothing, as a user writes them."""
    return [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
