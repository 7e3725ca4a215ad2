"""Removes what old runs have left, so that a disk does not fill up night after night.

What stays: all that the newest runs made or took from the cache, all that a model in production was made from, and of every run
the small things that tell of it (its verdict, its report, the course of its training). ML Metadata stays whole: what was
removed is marked as deleted there, and a run that needs it makes it again.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from ml_metadata.proto import metadata_store_pb2 as pb

from components.fewshot import integrity
from pipeline.history.metadata import opened_store, read_history
from pipeline.history.runs import ancestors
from pipeline.history.values import Artifact, History

JUDGED = "judged"  # in a root: results of episodes, by what they are of
TELL_OF_A_RUN = {"ModelBlessing", "ModelEvaluation", "ModelRun"}  # types of artifacts


class Pruned(NamedTuple):
    """What was removed, or would be: directories of artifacts, and their size in bytes."""

    directories: list[str]
    bytes: int


def prune(root: str, keep: int, served: Iterable[str], dry: bool = False) -> Pruned:
    """Removes what only runs before the newest ones need.

    Args:
      root: directory of runs, which no other process writes to at the moment.
      keep: the number of runs that stay whole, at least 1.
      served: directories of the models in production.
      dry: whether nothing is removed.

    Raises:
      ValueError: there is no ML Metadata store.
    """
    if keep < 1:
        raise ValueError(f"keep_runs: expected at least 1 run, got {keep}")
    history = read_history(root)
    found = [one for one in removable(history, keep, set(served)) if os.path.isdir(one.uri)]
    directories = [*(one.uri for one in found), *judged_before(root, history, keep)]
    pruned = Pruned(directories, sum(map(size_of, directories)))
    if not dry:
        if found:
            _give_up(root, [one.id for one in found])  # first: what a kill leaves is then no damage but a rest
        for directory in directories:
            integrity.remove(directory)
    return pruned


def removable(history: History, keep: int, served: set[str]) -> list[Artifact]:
    """Returns the artifacts that neither the newest runs nor a model in production need, oldest first."""
    newest = set(history.runs[-keep:])
    needed = {
        artifact
        for one in history.executions.values()
        if one.run_id in newest
        for ids in (*one.inputs.values(), *one.outputs.values())
        for artifact in ids
    }
    for artifact in history.artifacts.values():
        if artifact.pushed_to and os.path.realpath(artifact.pushed_to) in {os.path.realpath(path) for path in served}:
            needed |= {one.id for one in ancestors(history, artifact)}
    return [
        one for _, one in sorted(history.artifacts.items()) if one.id not in needed and one.type not in TELL_OF_A_RUN
    ]


def judged_before(root: str, history: History, keep: int) -> list[str]:
    """Returns the results of episodes that were written before the newest runs: who needs them again judges again."""
    newest = history.runs[-keep:]
    began = min(one.began or 0 for one in history.executions.values() if one.run_id in newest)
    folder = os.path.join(root, JUDGED)
    paths = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir()) if os.path.isdir(folder) else []
    return [path for path in paths if os.path.getmtime(path) * 1000 < began]


def size_of(directory: str) -> int:
    """Returns the bytes of all files below a directory."""
    paths = (os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names)
    return sum(os.lstat(path).st_size for path in paths)


def _give_up(root: str, ids: list[int]) -> None:
    store = opened_store(root, write=True)
    artifacts = store.get_artifacts_by_id(ids)
    for artifact in artifacts:
        artifact.state = pb.Artifact.DELETED
    store.put_artifacts(artifacts)
