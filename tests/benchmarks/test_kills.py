"""What the benchmark of kills says about a killed run, and what it counts as a difference."""

import os

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from benchmarks.kills import State, differences, read_state, where, write_state


def node(root, name, state):
    """The last execution in ML Metadata; returns its number."""
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(root / "metadata.sqlite")
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = mlmd.MetadataStore(config)
    execution = pb.Execution(type_id=store.put_execution_type(pb.ExecutionType(name=name)), last_known_state=state)
    context = pb.Context(type_id=store.put_context_type(pb.ContextType(name="node")), name=f"shop.{name}")
    number, _, _ = store.put_execution(execution, [], [context], reuse_context_if_already_exist=True)
    return number


def test_the_phase_of_a_kill(tmp_path):
    assert where(tmp_path) == ("the first node", "before")
    node(tmp_path, "Transform", pb.Execution.COMPLETE)
    assert where(tmp_path) == ("Transform", "after")
    number = node(tmp_path, "Baseline", pb.Execution.RUNNING)
    assert where(tmp_path) == ("Baseline", "driver")
    at_work = tmp_path / "artifacts" / "Baseline" / ".system" / "executor_execution" / str(number) / ".temp"
    at_work.mkdir(parents=True)
    (tmp_path / "artifacts" / "Baseline" / "model" / str(number)).mkdir(parents=True)
    assert where(tmp_path) == ("Baseline", "executor")
    at_work.rmdir()
    assert where(tmp_path) == ("Baseline", "publish")


def test_to_look_leaves_the_journal_to_the_next_run(tmp_path):
    node(tmp_path, "Transform", pb.Execution.COMPLETE)
    journal = tmp_path / "metadata.sqlite-journal"
    journal.write_bytes(b"of a killed process")
    where(tmp_path)
    assert journal.read_bytes() == b"of a killed process"


def test_the_state_goes_on(tmp_path):
    assert read_state(tmp_path) == {"took": 0.0, "kills": [], "ended": {}}
    kill = {"run": "broken-1", "aim": "any", "seconds": 1.5, "node": "Pusher", "phase": "publish"}
    state = State(took=30.0, kills=[kill], ended={"broken-1": []})
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state and os.listdir(tmp_path) == ["state.json"]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({"metrics": 1, "weights": b"ab"}, []),
        ({"metrics": 2, "weights": b"ab"}, ["metrics"]),
        ({"metrics": 1}, ["weights"]),
        ({"metrics": 1, "weights": b"ab", "pushed weights": b""}, ["pushed weights"]),
    ],
)
def test_what_differs(found, names):
    assert differences({"metrics": 1, "weights": b"ab"}, found) == names
