"""`fewshot doctor`: checks whether everything that runs have left in a root is as it was written, and says what to do if not."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from components.fewshot import integrity
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import SERVED_AGAIN, version_paths
from components.fewshot.training import checkpoint
from pipeline.commands.doctor import Check
from pipeline.history import backup
from pipeline.history.database import fault_of, holder_of
from pipeline.history.homes import File, Server, home_of
from pipeline.history.metadata import read_history
from pipeline.history.values import Artifact
from pipeline.plain_path import plain_path

T = TypeVar("T")
STARTS = "starts.json"
VARIABLES = ("variables/variables.index", "variables/variables.data-*")  # of a SavedModel
TRAINED_AGAIN = "Remove it; a run that was stopped then trains from the start."


def check_runs(root: str) -> list[Check]:
    """Returns one result for each thing in a root that is damaged, and one for each kind of things that are whole.

    Every byte of the artifacts and of the served models is read. Nothing is changed.

    Args:
      root: directory of runs; if it is on another machine or holds none, there is nothing to check.
    """
    if "://" in root or not os.path.isdir(root):
        return []
    root = plain_path(root)  # as ML Metadata has it
    home = home_of(root)
    found = [check(home) for check in OF_HOMES[type(home)]]
    artifacts = live_artifacts(root) if found[0].ok and home.made else []
    models = [path for place in destinations(root, artifacts) for path in version_paths(place)]
    return [
        *found,
        *_each("artifacts", artifacts, damage_of_artifact, "The next run that needs it makes it again.", _place),
        starts(os.path.join(root, STARTS)),
        *_each("checkpoints", sorted(Path(root, "checkpoints").glob("*/*.npz")), damage_of_checkpoint, TRAINED_AGAIN),
        *_each("served models", models, damage_of_model, f"{SERVED_AGAIN[0].upper()}{SERVED_AGAIN[1:]}."),
    ]


def metadata(home: File) -> Check:
    """Checks the database of ML Metadata, as a run does when it starts."""
    database = home.name
    latest = backup.latest_whole(database)
    try:
        fault = backup.fault_in_root(database, latest)
    except sqlite3.OperationalError as error:
        return Check("metadata", False, f"{database} cannot be read: {error}", f"It is used by {holder_of(database)}.")
    if fault is None:
        return Check("metadata", True, f"{database} is whole" if home.made else "no run has been made here", "")
    mend = (
        f"`fewshot run` restores it from the backup of {latest.made}."
        if latest
        else "Move the file away: the history of the runs is then lost and every node runs anew; pushed models stay."
    )
    return Check("metadata", False, f"{database} is damaged ({fault})", mend)


def backups(home: File) -> Check:
    """Checks the backups of the database."""
    found = backup.backups(home.name)
    damaged = [one for one in found if not one.whole or fault_of(one.path)]
    if damaged:
        return Check("backups", False, f"{damaged[0].path} is damaged", "Remove it; the next run makes a new one.")
    latest = f", the latest of {found[-1].made}" if found else "; the next run makes one"
    return Check("backups", True, f"{len(found)} of the metadata{latest}", "")


def server(home: Server) -> Check:
    """Checks whether the server of ML Metadata lets us in."""
    trouble = home.trouble()
    where = f"{home.name} answers; its backups are its own"
    return Check("metadata", not trouble, trouble or where, "No run can be made until then." if trouble else "")


OF_HOMES: dict[type, tuple[Callable[..., Check], ...]] = {File: (metadata, backups), Server: (server,)}


def live_artifacts(root: str) -> list[Artifact]:
    """Returns the artifacts of the runs in a root that ML Metadata says are there."""
    return [one for one in read_history(root).artifacts.values() if one.live and one.uri]


def destinations(root: str, artifacts: Iterable[Artifact]) -> list[str]:
    """Returns the directories that models were pushed to, those below the root first."""
    inside = [str(path) for path in sorted(Path(root, "serving").glob("*")) if path.is_dir()]
    pushed = [one.pushed_to for one in artifacts]
    return [*dict.fromkeys([*inside, *(os.path.dirname(path) for path in pushed if path)])]


def starts(path: str) -> Check:
    """Checks the notes on what trainings with `warm_start=production` started from."""
    if not os.path.exists(path):
        return Check("starts", True, "no training has started from production", "")
    try:
        notes = json.loads(Path(path).read_bytes())
        whole = isinstance(notes, dict) and all(isinstance(value, str) for value in notes.values())
    except ValueError:
        whole = False
    if not whole:
        return Check("starts", False, f"{path} is damaged", "Remove it; the next training starts from production anew.")
    return Check("starts", True, f"{len(notes)} noted", "")


def damage_of_artifact(artifact: Artifact) -> str | None:
    """Returns what is wrong with the files of an artifact in a few words, or None."""
    if not os.path.isdir(artifact.uri):
        return "it is missing"
    if not integrity.is_sealed(artifact.uri):
        return f"{integrity.LIST} is missing"
    return integrity.damage(artifact.uri, every_byte=True)


def damage_of_checkpoint(path: Path) -> str | None:
    """Returns what is wrong with a checkpoint in a few words, or None."""
    try:
        checkpoint.load(str(path))
    except integrity.Damaged as error:
        return error.what
    return None


def damage_of_model(directory: str) -> str | None:
    """Returns what is wrong with a served model in a few words, or None."""
    try:
        Manifest.read(directory)
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    for pattern in VARIABLES:
        if not any(Path(directory).glob(pattern)):
            return f"{pattern} is missing"
    return integrity.damage(directory, every_byte=True)


def _each(
    name: str, things: list[T], damage: Callable[[T], str | None], mend: str, place: Callable[[T], str] = str
) -> list[Check]:
    """Returns one result for each thing that is damaged, or one for all if none is."""
    damaged = [(thing, what) for thing in things if (what := damage(thing))]
    if not damaged:
        return [Check(name, True, f"{len(things)} are whole" if things else "there are none", "")]
    return [Check(name, False, f"{place(thing)} is damaged ({what})", mend) for thing, what in damaged]


def _place(artifact: Artifact) -> str:
    return artifact.uri
