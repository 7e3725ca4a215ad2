"""Reads all runs from ML Metadata at once, into plain values. It needs ml_metadata, but not tfx."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import ml_metadata as mlmd
from google.protobuf import json_format, message
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history.database import RootError, fault_of, tell, wait_until_free
from pipeline.history.failures import RUN, Failure, failures_of

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"  # as JSON has it
Links = dict[str, list[int]]  # from the key of an input or output to the ids of its artifacts


class Artifact(NamedTuple):
    """An output of a node."""

    id: int
    type: str
    uri: str
    properties: dict[str, Value]

    @property
    def pushed_to(self) -> str | None:
        """The directory that this model was pushed to, or None."""
        directory = self.properties.get("pushed_destination")
        return directory if isinstance(directory, str) and directory else None


class Execution(NamedTuple):
    """One node in one run. Times are in milliseconds since 1970."""

    id: int
    node: str
    run_id: str
    pipeline: str
    state: str  # complete, cached, failed, running, canceled
    began: int
    ended: int
    settings: dict[str, Value]
    inputs: Links
    outputs: Links


class History(NamedTuple):
    """All executions and artifacts, by id, and why runs failed."""

    executions: dict[int, Execution]
    artifacts: dict[int, Artifact]
    failures: dict[str, Failure]  # by the id of the run

    def maker(self, artifact: int) -> Execution | None:
        """Returns the execution that made an artifact. Later executions with it among their outputs took it from the cache."""
        makers = [e for e in self.executions.values() if any(artifact in ids for ids in e.outputs.values())]
        return min(makers, key=lambda execution: execution.id, default=None)

    def started_from(self, execution: Execution) -> list[int]:
        """Returns the id of the model that a training started from: a pushed version or an exported model, by its directory."""
        settings = execution.settings.get("settings")
        directory = settings.get("warm_start") if isinstance(settings, dict) else None
        if not isinstance(directory, str):
            return []
        pushes = [a.id for a in self.artifacts.values() if a.pushed_to == directory]
        pushed = [maker.inputs.get("model", []) for i in pushes if (maker := self.maker(i))]
        exported = [a.id for a in self.artifacts.values() if a.type == "Model" and directory.startswith(f"{a.uri}/")]
        return [*pushed[0]] if pushed else exported[:1]


def metadata_file(root: str) -> str:
    """Returns the path of the ML Metadata store of the runs in `root`.

    Raises:
      ValueError: there is no such file.
    """
    path = os.path.join(root, "metadata.sqlite")
    if os.path.isdir(root) and not os.access(root, os.R_OK | os.X_OK):
        raise ValueError(f"--root {root}: this user may not read it; change its permissions")
    if not os.path.isfile(path):
        raise ValueError(f"--root {root}: holds no metadata.sqlite; expected the --root of an earlier `fewshot run`")
    return path


def opened_store(root: str, write: bool = False) -> mlmd.MetadataStore:
    """Returns the ML Metadata store of the runs in `root`, to read or also to write.

    Raises:
      ValueError: there is none.
    """
    config, mode = pb.ConnectionConfig(), pb.SqliteMetadataSourceConfig
    config.sqlite.filename_uri = metadata_file(root)
    config.sqlite.connection_mode = mode.READWRITE if write else mode.READONLY
    return mlmd.MetadataStore(config)


def read_history(root: str) -> History:
    """Returns all executions and artifacts of the runs in `root`.

    Raises:
      ValueError: there is no ML Metadata store.
      RootError: it is damaged, or another program holds it.
    """
    path = metadata_file(root)
    wait_until_free(path, tell)
    if fault := fault_of(path):
        raise RootError(f"{path} is damaged ({fault}); `fewshot doctor --root {root}` says what to do")
    store = opened_store(root)
    runs, nodes = _contexts(store, RUN), _contexts(store, "node")
    pipelines = _contexts(store, "pipeline")
    raw = [execution for execution in store.get_executions() if execution.id in runs]
    inputs: dict[int, Links] = {execution.id: {} for execution in raw}
    outputs: dict[int, Links] = {execution.id: {} for execution in raw}
    for event in store.get_events_by_execution_ids([execution.id for execution in raw]) if raw else []:
        side = {pb.Event.INPUT: inputs, pb.Event.OUTPUT: outputs}.get(event.type)
        if side is not None:
            side[event.execution_id].setdefault(event.path.steps[0].key, []).append(event.artifact_id)
    executions = {
        e.id: Execution(
            id=e.id,
            node=nodes.get(e.id, e.type).removeprefix(f"{pipelines.get(e.id, '')}."),
            run_id=runs[e.id],
            pipeline=pipelines.get(e.id, ""),
            state=pb.Execution.State.Name(e.last_known_state).lower(),
            began=e.create_time_since_epoch,
            ended=e.last_update_time_since_epoch,
            settings={key: unpack(value) for key, value in sorted(_values(e.custom_properties).items())},
            inputs=inputs[e.id],
            outputs=outputs[e.id],
        )
        for e in sorted(raw, key=lambda execution: execution.id)
    }
    artifacts = {
        a.id: Artifact(a.id, a.type, a.uri, _values(a.properties) | _values(a.custom_properties))
        for a in store.get_artifacts()
    }
    return History(executions, artifacts, failures_of(store.get_contexts_by_type(RUN)))


def unpack(value: Value) -> Value:
    """Returns an execution property with all JSON text in it parsed, at any depth, and protocol buffers as dictionaries."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return value
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "@type" in value:
        return unpack(value.get("value"))
    if set(value) == {"custom_config"}:
        return unpack(value["custom_config"])
    return {key: unpack(item) for key, item in value.items()}


def _contexts(store: mlmd.MetadataStore, kind: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for context in store.get_contexts_by_type(kind):
        found |= {execution.id: context.name for execution in store.get_executions_by_context(context.id)}
    return found


def _values(properties: Mapping[str, pb.Value]) -> dict[str, Value]:
    return {key: _plain(getattr(value, value.WhichOneof("value"))) for key, value in properties.items() if str(value)}


def _plain(value: int | float | str | message.Message) -> Value:
    """Returns a property as a plain value. Some properties of TFX are protocol buffers."""
    return json_format.MessageToDict(value) if isinstance(value, message.Message) else value
