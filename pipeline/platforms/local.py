"""Runs the graph on this machine, node by node in this process, and reports each node."""

import datetime
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils


class NodeStart(NamedTuple):
    """The start of a node, the `number`-th of `count`."""

    node: str
    number: int
    count: int  # type: ignore[assignment]  # shadows tuple.count


class NodeEnd(NamedTuple):
    """The end of a node."""

    node: str
    seconds: float
    cached: bool


class NodeError(ValueError):
    """The failure of a node. The message is that of its component."""

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(f"{node}: {reason}")


def run_locally(pipeline: Pipeline, report: Callable[[NodeStart | NodeEnd], None]) -> str:
    """Runs every node in order. A node whose inputs have not changed reuses the cache.

    Args:
      pipeline: the pipeline.
      report: gets the start and the end of each node.

    Returns:
      The id of the run.

    Raises:
      NodeError: a node failed.
    """
    run_id = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    deployment = runner_utils.extract_local_deployment_config(ir)
    connection = deployment.metadata_connection_config
    config = getattr(connection, connection.WhichOneof("connection_config"))
    nodes = [node.pipeline_node for node in ir.nodes]
    for number, node in enumerate(nodes, 1):
        name = node.node_info.id
        report(NodeStart(name, number, len(nodes)))
        began = time.monotonic()
        try:
            done = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(config),
                pipeline_info=ir.pipeline_info,
                pipeline_runtime_spec=ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
        except Exception as error:
            raise NodeError(name, sentence_of(error)) from error
        cached = done is not None and _is_cached(config, done.execution_id)
        report(NodeEnd(name, time.monotonic() - began, cached))
    return run_id


def _is_cached(config: metadata_store_pb2.ConnectionConfig, execution_id: int | None) -> bool:
    with metadata.Metadata(config) as handle:
        executions = handle.store.get_executions_by_id([execution_id] if execution_id else [])
    return any(e.last_known_state == metadata_store_pb2.Execution.CACHED for e in executions)


def sentence_of(error: BaseException) -> str:
    """Returns the message of an error, without the text that Beam adds.

    Of a chain of errors it takes the innermost one that this project raises.
    """
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    ours = [e for e in chain if isinstance(e, ValueError | FileNotFoundError)]
    chosen = ours[-1] if ours else error
    said = re.sub(r"\s*\[while running .*\]\s*$", "", str(chosen), flags=re.DOTALL).strip()
    return said if ours else f"{type(chosen).__name__}: {said.splitlines()[0] if said else 'no message'}"


@contextmanager
def locked(root: str) -> Iterator[None]:
    """Locks `root`, so that only one run uses it at a time. When a run is killed, its lock ends too.

    Raises:
      ValueError: another run has locked it.
    """
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, ".lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"--root {root}: another run uses it now; wait until it ends, or choose another root"
            ) from None
        yield
