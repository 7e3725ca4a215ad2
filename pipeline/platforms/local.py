"""Runs the graph on this machine, node by node in this process, and reports each node.

What can be mended is mended by another run, in which the nodes that went well come from the cache: a damaged artifact is made
again, and a node that failed by chance runs once more.
"""

import datetime
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

import ml_metadata as mlmd
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from components.fewshot import integrity
from components.fewshot.faults import in_words
from pipeline.locks import locked_file
from pipeline.platforms.artifacts import OPERATORS, Tell, give_up_damaged_inputs, whole_cache

Report = Callable[["NodeStart | NodeEnd | NodeFailure"], None]
Outcome = Literal["executed", "cached", "left out"]
Connect = Callable[[], metadata.Metadata]


class NodeStart(NamedTuple):
    """The start of a node, the `number`-th of `count`."""

    node: str
    number: int
    count: int  # type: ignore[assignment]  # shadows tuple.count


class NodeEnd(NamedTuple):
    """The end of a node: it was executed, came from the cache, or was left out because it is not needed."""

    node: str
    seconds: float
    outcome: Outcome


class NodeFailure(NamedTuple):
    """The failure of a node, in a run that may be followed by another."""

    node: str
    run_id: str
    reason: str


# Errors whose text is a sentence of this project; it says what to change.
SENTENCES = (ValueError, FileNotFoundError, integrity.Incomplete)


class NodeError(ValueError):
    """The failure of a node. The message is that of its component."""

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(f"{node}: {reason}")
        self.node = node


def run_locally(
    pipeline: Pipeline,
    report: Report,
    connect: Connect,
    tell: Tell = lambda sentence: None,
    suffix: str = "",
) -> str:
    """Runs every node in order. A node whose inputs have not changed reuses the cache.

    If an artifact is damaged, or a node fails for no reason of the data's, there is another run, with an id of its own.

    Args:
      pipeline: the pipeline.
      report: gets the start and the end of each node, or its failure.
      connect: returns a connection to ML Metadata. The pipeline itself names none: what it names, TFX logs.
      tell: gets a sentence about what is made again or tried once more.
      suffix: what the id of a run ends with where ML Metadata is shared by many roots.

    Returns:
      The id of the run that went well.

    Raises:
      NodeError: a node failed, and did so again where that could help.
    """
    mended: set[str] = set()  # each artifact is made again once, and each node tried again once
    while True:
        run_id = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f") + suffix
        try:
            with whole_cache(tell):
                _run_once(pipeline, run_id, report, connect)
            return run_id
        except NodeError as error:
            remedies = _remedies(run_id, error, connect)
            if not remedies or mended & remedies.keys():
                raise
            mended |= remedies.keys()
            logging.warning("another run follows", exc_info=error)
            for sentence in remedies.values():
                tell(sentence)


def _remedies(run_id: str, error: NodeError, connect: Connect) -> dict[str, str]:
    """Returns what makes it worth to run again: for each artifact, or for the node, a sentence."""
    reasons = chain_of(error)
    try:
        with connect() as handle:
            damaged = give_up_damaged_inputs(handle.store, run_id, reasons)
    except (ValueError, mlmd.errors.StatusError):  # the database is in trouble, which the first error tells
        return {}
    if damaged:
        return {os.path.dirname(directory): sentence for directory, sentence in damaged.items()}
    return {error.node: f"{error}: it is tried once more"} if by_chance(reasons[1:]) else {}


def _run_once(pipeline: Pipeline, run_id: str, report: Report, connect: Connect) -> None:
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    deployment = runner_utils.extract_local_deployment_config(ir)
    nodes = [node.pipeline_node for node in ir.nodes]
    for number, node in enumerate(nodes, 1):
        name = node.node_info.id
        report(NodeStart(name, number, len(nodes)))
        began = time.monotonic()
        try:
            done = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=connect(),
                pipeline_info=ir.pipeline_info,
                pipeline_runtime_spec=ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
                custom_executor_operators=OPERATORS,
            ).launch()
        except Exception as error:
            report(NodeFailure(name, run_id, sentence_of(error)))
            raise NodeError(name, sentence_of(error)) from error
        report(NodeEnd(name, time.monotonic() - began, _outcome(connect, done.execution_id if done else None)))


def _outcome(connect: Connect, execution_id: int | None) -> Outcome:
    if not execution_id:
        return "left out"
    with connect() as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
    return "cached" if execution.last_known_state == metadata_store_pb2.Execution.CACHED else "executed"


def sentence_of(error: BaseException) -> str:
    """Returns the message of an error, without the text that Beam adds.

    Of a chain of errors it takes the innermost one that this project raises, else the innermost about a file.
    """
    foreign = [words for e in chain_of(error) if (words := in_words(e))]
    ours = [str(e) for e in chain_of(error) if isinstance(e, SENTENCES) and not in_words(e)]
    told = [*foreign, *ours]
    said = re.sub(r"\s*\[while running .*\]\s*$", "", (told or [str(error)])[-1], flags=re.DOTALL).strip()
    return said if told else f"{type(error).__name__}: {said.splitlines()[0] if said else 'no message'}"


def chain_of(error: BaseException) -> list[BaseException]:
    """Returns an error and what it came from, the innermost last."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    return chain


def by_chance(chain: Sequence[BaseException]) -> bool:
    """Returns whether a failure may not happen again: it has nothing to do with the data, the disk or the metadata."""
    lasting = (ValueError, OSError, tf.errors.ResourceExhaustedError, mlmd.errors.StatusError)
    return not any(isinstance(error, lasting) for error in chain)


@contextmanager
def locked(root: str) -> Iterator[None]:
    """Locks `root`, so that only one run uses it at a time. When a run is killed, its lock ends too.

    Raises:
      ValueError: another run has locked it.
    """
    os.makedirs(root, exist_ok=True)
    taken = f"--root {root}: another run uses it now; wait until it ends, or choose another root"
    with locked_file(os.path.join(root, ".lock"), taken):
        yield
