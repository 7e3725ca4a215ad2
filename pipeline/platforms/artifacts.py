"""Keeps the artifacts of this machine whole: each gets a list of its files, which is compared before anybody relies on it.

An artifact that is damaged is marked as deleted in ML Metadata. TFX's cache passes over it, so its node makes it again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.portable import beam_executor_operator, cache_utils, python_executor_operator
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2

from components.fewshot import integrity
from components.pusher.destination import was_removed

CONDITION = "_"  # the key of an input that only a condition reads begins with it
Tell = Callable[[str], None]


class _Checked:
    """Compares the inputs of an executor before it runs, and lists the files of its outputs before they are published.

    The executors of this project do both by themselves, because they also run elsewhere; TFX's own do not.
    """

    def run_executor(self, execution_info: Any, *args: Any, **named: Any) -> execution_result_pb2.ExecutorOutput:
        """Runs the executor."""
        integrity.verify(*integrity.places(execution_info.input_dict))
        output = super().run_executor(execution_info, *args, **named)  # type: ignore[misc]  # of the class beside this one
        integrity.seal(*integrity.places(execution_info.output_dict))
        return output


class _PythonOperator(_Checked, python_executor_operator.PythonExecutorOperator):
    """Runs an executor in this process."""


class _BeamOperator(_Checked, beam_executor_operator.BeamExecutorOperator):
    """Runs an executor with Beam arguments."""


OPERATORS = {
    executable_spec_pb2.PythonClassExecutableSpec: _PythonOperator,
    executable_spec_pb2.BeamExecutableSpec: _BeamOperator,
}


@contextmanager
def whole_cache(tell: Tell) -> Iterator[None]:
    """Makes TFX's cache pass over damaged artifacts, which it would serve if only their directories exist, and go by what a node
    reads alone: why a node runs at all, which TFX adds to its inputs, changes nothing in what it makes.

    `tell` gets one sentence about each damaged artifact.
    """
    lookup, context_of = cache_utils.get_cached_outputs, cache_utils.get_cache_context

    def get_whole(metadata_handle: metadata.Metadata, cache_context: pb.Context) -> Any:
        store = metadata_handle.store
        executions = store.get_executions_by_context(cache_context.id)
        for artifact in _linked(store, [one.id for one in executions], pb.Event.OUTPUT):
            if artifact.state == pb.Artifact.LIVE and (fault := _fault(artifact)):
                _give_up(store, artifact)
                tell(fault)
        return lookup(metadata_handle=metadata_handle, cache_context=cache_context)

    def get_context(*, input_artifacts: Any = None, **others: Any) -> pb.Context:
        read = {key: given for key, given in (input_artifacts or {}).items() if not key.startswith(CONDITION)}
        return context_of(input_artifacts=read, **others)

    cache_utils.get_cached_outputs, cache_utils.get_cache_context = get_whole, get_context
    try:
        yield
    finally:
        cache_utils.get_cached_outputs, cache_utils.get_cache_context = lookup, context_of


def give_up_damaged_inputs(store: mlmd.MetadataStore, run_id: str, errors: Sequence[BaseException]) -> dict[str, str]:
    """Looks at every byte that the node that failed last had as input, and marks what is damaged as deleted.

    Args:
      store: ML Metadata.
      run_id: the run that failed.
      errors: why it failed; a `Damaged` among them may know of damage that a list of files does not show.

    Returns:
      A sentence for each damaged artifact, by its directory.
    """
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    executions = store.get_executions_by_context(context.id) if context else []
    said = {error.directory: error.what for error in errors if isinstance(error, integrity.Damaged)}
    found = {}
    for artifact in _linked(store, [max(one.id for one in executions)] if executions else [], pb.Event.INPUT):
        what = integrity.damage(artifact.uri, every_byte=True) or said.get(artifact.uri)
        if what:
            _give_up(store, artifact)
            found[artifact.uri] = _made_again(artifact.uri, what)
    return found


def _fault(artifact: pb.Artifact) -> str | None:
    """A sentence about what is wrong with an artifact, or None."""
    what = integrity.damage(artifact.uri)
    if not integrity.is_sealed(artifact.uri):
        what = f"{integrity.LIST} is missing" if fileio.isdir(artifact.uri) else "it is missing"
    if what:
        return _made_again(artifact.uri, what)
    pushed = artifact.custom_properties["pushed_destination"].string_value
    if pushed and was_removed(pushed):
        return f"{pushed} was removed: the model is pushed again"
    what = integrity.damage(pushed) if pushed else None
    return f"{pushed} is damaged ({what})" if what else None


def _made_again(uri: str, what: str) -> str:
    return f"{uri} is damaged ({what}): it is made again"


def _give_up(store: mlmd.MetadataStore, artifact: pb.Artifact) -> None:
    artifact.state = pb.Artifact.DELETED
    store.put_artifacts([artifact])


def _linked(store: mlmd.MetadataStore, executions: Sequence[int], kind: int) -> list[pb.Artifact]:
    """The inputs or outputs of executions."""
    events = store.get_events_by_execution_ids(executions) if executions else []
    ids = sorted({event.artifact_id for event in events if event.type == kind})
    return list(store.get_artifacts_by_id(ids)) if ids else []
