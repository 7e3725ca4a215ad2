"""Reads all runs at once, into plain values: from ML Metadata, or from a bucket. It needs ml_metadata, but not tfx."""

import json
from collections.abc import Iterator, Mapping, Sequence

import ml_metadata as mlmd
from google.protobuf import json_format, message
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history.failures import RUN, failures_of
from pipeline.history.homes import home_of
from pipeline.history.pushed import is_remote, pushed_history
from pipeline.history.values import Artifact, Execution, History, Links, Value

AT_ONCE = 1000  # ids in a query


def opened_store(root: str, write: bool = False) -> mlmd.MetadataStore:
    """Returns the ML Metadata store of the runs in `root`, to read or also to write.

    Raises:
      ValueError: there is none.
    """
    home = home_of(root)
    home.expect()
    return mlmd.MetadataStore(home.config(write))


def read_history(root: str) -> History:
    """Returns all executions and artifacts of the runs in `root`.

    Raises:
      ValueError: there is no ML Metadata store, or no pushed model in a bucket.
      RootError: it is damaged, another program holds it, or its server does not let us in.
    """
    if is_remote(root):
        return pushed_history(root)
    home = home_of(root)
    home.check()
    store = mlmd.MetadataStore(home.config(write=False))
    pipelines, runs = _contexts(store, "pipeline", home.suffix), _contexts(store, RUN, home.suffix)
    nodes = _contexts(store, "node", f"{home.suffix}.")
    raw = [one for some in _parts(sorted(runs)) for one in store.get_executions_by_id(some)]
    inputs: dict[int, Links] = {execution.id: {} for execution in raw}
    outputs: dict[int, Links] = {execution.id: {} for execution in raw}
    for event in (one for some in _parts(sorted(runs)) for one in store.get_events_by_execution_ids(some)):
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
    linked = sorted({one for links in (*inputs.values(), *outputs.values()) for ids in links.values() for one in ids})
    artifacts = {
        a.id: Artifact(
            a.id, a.type, a.uri, _values(a.properties) | _values(a.custom_properties), a.state == pb.Artifact.LIVE
        )
        for some in _parts(linked)
        for a in store.get_artifacts_by_id(some)
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


def _contexts(store: mlmd.MetadataStore, kind: str, part: str) -> dict[int, str]:
    """Returns the name of the context of each execution, of those whose names have a part."""
    found: dict[int, str] = {}
    for context in store.get_contexts_by_type(kind):
        if part in context.name:
            found |= {execution.id: context.name for execution in store.get_executions_by_context(context.id)}
    return found


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cuts a list into pieces that fit into a query."""
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def _values(properties: Mapping[str, pb.Value]) -> dict[str, Value]:
    return {key: _plain(getattr(value, value.WhichOneof("value"))) for key, value in properties.items() if str(value)}


def _plain(value: int | float | str | message.Message) -> Value:
    """Returns a property as a plain value. Some properties of TFX are protocol buffers."""
    return json_format.MessageToDict(value) if isinstance(value, message.Message) else value
