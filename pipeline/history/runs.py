"""`fewshot runs`: what is known of runs, of their nodes and settings, and of the images and settings that made a model.

A root may be a directory, the address of a shared database, or a folder of a bucket.
"""

import datetime
import fcntl
import json
import os
from typing import NamedTuple, TypedDict, cast

from components.few_shot_evaluator.baselines import BASELINES
from components.fewshot.settings.metrics import METRICS, Metric
from pipeline.history.failures import Failure
from pipeline.history.metadata import read_history
from pipeline.history.values import Artifact, Execution, History, Value

LAST_NODE = "Pusher"
DECIDES = "DriftDetector"  # the last node where nothing is trained
# Inputs that a model was only compared with. They do not belong to its lineage.
COMPARED = (*BASELINES, "candidates")


class Metrics(TypedDict, total=False):
    """The part of the evaluator's metrics.json that a list of runs shows; the figure is that of the kind of task."""

    accuracy: float
    ap50: float
    ci95: float
    blessed: bool


class Made(NamedTuple):
    """An input or output of a node."""

    key: str
    id: int
    type: str
    uri: str


class NodeRun(NamedTuple):
    """One node of a run. `seconds` is None while it runs, if it was killed, and where nobody noted its start."""

    node: str
    state: str  # complete, cached, failed, running
    seconds: float | None
    settings: dict[str, Value]
    inputs: list[Made]
    outputs: list[Made]


class Run(NamedTuple):
    """One run in one line. Figures are None if the run did not get that far, or is of another kind of task."""

    run_id: str
    pipeline: str
    state: str  # complete, failed, running, unfinished
    started: str
    seconds: float | None
    nodes: int
    cached: int
    accuracy: float | None
    ci95: float | None
    blessed: bool | None
    pushed_model: str | None
    decision: str | None  # about what came in spans
    failure: Failure | None
    ap50: float | None = None

    @property
    def measured(self) -> tuple[Metric, float] | None:
        """The metric of its kind of task, and the figure."""
        found = {key: value for key, value in self._asdict().items() if value is not None}
        return next(((one, one.of(found)) for one in METRICS.values() if one.key in found), None)


class RunDetails(NamedTuple):
    """A run and its nodes, in the order in which they ran."""

    run: Run
    nodes: list[NodeRun]


class Ancestor(NamedTuple):
    """An artifact that a model was made from, or the model itself."""

    id: int
    type: str
    uri: str
    node: str
    run_id: str
    made: str
    settings: dict[str, Value]
    properties: dict[str, Value]
    made_of: list[int]  # ids of artifacts


def list_runs(root: str) -> list[Run]:
    """Returns all runs in `root`, the latest first.

    Raises:
      ValueError: there is no ML Metadata store.
    """
    history = read_history(root)
    return [_run(root, history, run_id) for run_id in reversed(history.runs)]


def show_run(root: str, run_id: str) -> RunDetails:
    """Returns one run with its nodes. `run_id` may also be the beginning of an id, or `latest`.

    Raises:
      ValueError: there is no such run, or several; the message lists those that exist.
    """
    history = read_history(root)
    found = run_named(history, root, run_id)
    return RunDetails(_run(root, history, found), [_node(history, execution) for execution in _nodes(history, found)])


def run_named(history: History, root: str, run_id: str) -> str:
    """Returns the id of a run by itself, its beginning, or `latest`; raises ValueError if there is no such run, or several."""
    exist = history.runs
    fitting = exist[-1:] if run_id == "latest" else [one for one in exist if one.startswith(run_id)]
    if run_id in exist:
        fitting = [run_id]
    if len(fitting) != 1:
        what = "no such run" if not fitting else "not one run but several"
        raise ValueError(f"{run_id!r}: {what} under {root}; there are {', '.join(fitting or exist[-10:])}")
    return fitting[0]


def lineage(root: str, path: str) -> list[Ancestor]:
    """Returns every artifact that the one at `path` was made from, oldest first. The last one is at `path` itself.

    Raises:
      ValueError: no run in `root` made it.
    """
    history = read_history(root)
    return ancestors(history, artifact_at(history, path))


def ancestors(history: History, artifact: Artifact) -> list[Ancestor]:
    """Returns an artifact and every one that it was made from, oldest first."""
    found: dict[int, Ancestor] = {}
    waiting = [artifact]
    while waiting:
        artifact = waiting.pop()
        if artifact.id in found or (maker := history.maker(artifact.id)) is None:
            continue
        parents = [i for key, ids in maker.inputs.items() if key not in COMPARED for i in ids] + history.started_from(
            maker
        )
        found[artifact.id] = Ancestor(
            id=artifact.id,
            type=artifact.type,
            uri=artifact.uri,
            node=maker.node,
            run_id=maker.run_id,
            made=_time(maker.ended),
            settings=maker.settings,
            properties=artifact.properties,
            made_of=sorted(parents),
        )
        waiting += [history.artifacts[parent] for parent in parents]
    return [found[i] for i in sorted(found, key=lambda i: (history.maker(i).id, i))]  # type: ignore[union-attr]


def artifact_at(history: History, path: str) -> Artifact:
    """Returns the artifact at `path`: it was pushed there, it contains `path`, or the manifest there names it.

    Raises:
      ValueError: there is no such artifact.
    """
    full = _resolved(path)
    if os.path.isdir(full) and (versions := [name for name in os.listdir(full) if name.isdigit()]):
        inside = os.path.join(full, max(versions, key=int))
        full = inside if os.path.exists(os.path.join(inside, "saved_model.pb")) else full
    artifacts = sorted(history.artifacts.values(), key=lambda artifact: -artifact.id)
    pushed = [one for one in artifacts if one.pushed_to and _resolved(one.pushed_to) == full]
    served = [one for one in artifacts if one.pushed_to and "://" in full and os.path.dirname(one.pushed_to) == full]
    around = [one for one in artifacts if (full + os.sep).startswith(_resolved(one.uri).rstrip("/") + "/")]
    named = [one for one in artifacts if one.uri == _model_of_manifest(full)]
    for candidates in (pushed, served, around, named):
        if candidates:
            return max(candidates, key=lambda artifact: len(artifact.uri))
    kinds = "a pushed model, or an artifact of a run"
    raise ValueError(f"{path}: unknown to the ML Metadata of this --root; expected the path of {kinds}")


def _resolved(path: str) -> str:
    """Returns the path without links: a root may have been reached by one."""
    return path.rstrip("/") if "://" in path else os.path.realpath(path)


def as_json(found: object) -> object:
    """Returns named tuples as dictionaries, at any depth."""
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return {key: as_json(value) for key, value in found._asdict().items()}
    return [as_json(one) for one in found] if isinstance(found, list) else found


def _run(root: str, history: History, run_id: str) -> Run:
    nodes = _nodes(history, run_id)
    outputs = {(e.node, key): history.artifacts[ids[0]] for e in nodes for key, ids in e.outputs.items() if ids}
    metrics = _metrics(outputs.get(("FewShotEvaluator", "evaluation")))
    pushed = outputs.get((LAST_NODE, "pushed_model"))
    drift = outputs.get((DECIDES, "drift"))
    decided = drift.properties if drift else {}
    return Run(
        run_id=run_id,
        pipeline=nodes[0].pipeline.partition(".")[0],  # what follows is the key of a root
        state=_state(root, history, nodes, DECIDES if decided and not decided["goes_on"] else LAST_NODE),
        started=_time(nodes[0].began or nodes[0].ended),
        seconds=_seconds(nodes[0].began, nodes[-1].ended),
        nodes=len(nodes),
        cached=sum(node.state == "cached" for node in nodes),
        accuracy=metrics.get("accuracy"),
        ap50=metrics.get("ap50"),
        ci95=metrics.get("ci95"),
        blessed=metrics.get("blessed"),
        pushed_model=pushed.pushed_to if pushed else None,
        decision=str(decided["decision"]) if decided else None,
        failure=history.failures.get(run_id),
    )


def _nodes(history: History, run_id: str) -> list[Execution]:
    return [execution for execution in history.executions.values() if execution.run_id == run_id]


def _node(history: History, execution: Execution) -> NodeRun:
    def made(links: dict[str, list[int]]) -> list[Made]:
        found = [(key, history.artifacts[i]) for key, ids in sorted(links.items()) for i in ids]
        return [Made(key, artifact.id, artifact.type, artifact.uri) for key, artifact in found]

    failure, state = history.failures.get(execution.run_id), execution.state
    if state == "running" and failure and failure.node == execution.node:  # its driver failed, which TFX does not note
        state = "failed"
    seconds = None if execution.state == "running" else _seconds(execution.began, execution.ended)
    return NodeRun(execution.node, state, seconds, execution.settings, made(execution.inputs), made(execution.outputs))


def _state(root: str, history: History, nodes: list[Execution], last: str) -> str:
    """Returns the state of a run that ends with the node `last`.

    A killed run and a running one differ only in the lock, which a living process holds.
    """
    states = {node.node: node.state for node in nodes}
    if "failed" in states.values() or nodes[0].run_id in history.failures:
        return "failed"
    if states.get(last) in ("complete", "cached"):
        return "complete"
    return "running" if nodes[0].run_id == history.runs[-1] and _is_locked(root) else "unfinished"


def _is_locked(root: str) -> bool:
    try:
        with open(os.path.join(root, ".lock")) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _seconds(began: int | None, ended: int) -> float | None:
    return None if began is None else round((ended - began) / 1000, 1)


def _metrics(evaluation: Artifact | None) -> Metrics:
    if evaluation and isinstance(told := evaluation.properties.get("metrics"), dict):
        return cast(Metrics, told)
    path = os.path.join(evaluation.uri, "metrics.json") if evaluation else ""
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _model_of_manifest(model_dir: str) -> str | None:
    """Returns the URI of the Model artifact that the manifest in `model_dir` names, or None."""
    path = os.path.join(model_dir, "assets.extra", "fewshot.json")
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        told = json.load(file).get("lineage", {})
    return told["model"].get("uri") if isinstance(told.get("model"), dict) else told.get("model_uri")


def _time(milliseconds: int) -> str:
    return datetime.datetime.fromtimestamp(milliseconds / 1000).isoformat(" ", "seconds")
