"""What ML Metadata holds about all runs, read once, as plain dictionaries. Needs ml_metadata, not tfx."""

import json
import os
from typing import Any, NamedTuple

import ml_metadata as mlmd
from google.protobuf import json_format, message
from ml_metadata.proto import metadata_store_pb2 as pb

Links = dict[str, list[int]]  # key of an input or output -> ids of artifacts


class Artifact(NamedTuple):
    """Something that a node made."""

    id: int
    type: str
    uri: str
    properties: dict[str, Any]


class Execution(NamedTuple):
    """One node in one run; times in milliseconds since 1970."""

    id: int
    node: str
    run_id: str
    pipeline: str
    state: str  # complete, cached, failed, running, canceled
    began: int
    ended: int
    settings: dict[str, Any]
    inputs: Links
    outputs: Links


class History(NamedTuple):
    """Everything, by id."""

    executions: dict[int, Execution]
    artifacts: dict[int, Artifact]

    def maker(self, artifact: int) -> Execution | None:
        """The execution that made an artifact; later ones only took it from the cache."""
        makers = [e for e in self.executions.values() if any(artifact in ids for ids in e.outputs.values())]
        return min(makers, key=lambda execution: execution.id, default=None)


def metadata_file(root: str) -> str:
    """The store of the runs under `root`; the graph writes it there.

    Raises:
      ValueError: there is none.
    """
    path = os.path.join(root, "metadata.sqlite")
    if not os.path.isfile(path):
        raise ValueError(f"--root {root}: holds no metadata.sqlite; expected the --root of an earlier `fewshot run`")
    return path


def read_history(root: str) -> History:
    """All executions and artifacts of the runs under `root`.

    Raises:
      ValueError: nothing ran there.
    """
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = metadata_file(root)
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READONLY
    store = mlmd.MetadataStore(config)
    runs, nodes = _contexts(store, "pipeline_run"), _contexts(store, "node")
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
    return History(executions, artifacts)


def unpack(value: Any) -> Any:
    """An execution property as it was before it became text: JSON inside JSON, protocol buffers by their content."""
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


def _values(properties: Any) -> dict[str, Any]:
    return {key: _plain(getattr(value, value.WhichOneof("value"))) for key, value in properties.items() if str(value)}


def _plain(value: Any) -> Any:
    """A property as numbers, text, lists and dictionaries; some of TFX's own are protocol buffers."""
    return json_format.MessageToDict(value) if isinstance(value, message.Message) else value
