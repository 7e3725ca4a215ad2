"""A history in the database of a server: two roots that share it, what is said when it fails, and what the root remembers."""

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.commands.root_checks import check_runs
from pipeline.commands.trouble import trouble_in
from pipeline.history import runs
from pipeline.history.address import PASSWORD as VARIABLE
from pipeline.history.address import read_address
from pipeline.history.database import RootError
from pipeline.history.explain import explain
from pipeline.history.failures import Failure, note_failure
from pipeline.history.homes import File, Server, home_for, home_of
from pipeline.history.pruning import prune
from pipeline.platforms.local import NodeError
from tests import mariadb as server_of_tests
from tests.pipeline.history.test_runs import Recorder

REPOSITORY = Path(__file__).resolve().parents[3]
ADDRESS = "mysql://me@db.example.org:3306/team"


def recorder(root, address):
    """A root whose runs are in a database."""
    root.mkdir()
    home = home_for(str(root), address)
    home.make_ready(print)
    return Recorder(root, home)


def one_run(at, run):
    """A run of two nodes; returns the path of its model."""
    places = [at.root / "artifacts" / name / run for name in ("examples", "model")]
    for place in places:
        place.mkdir(parents=True)
        (place / "data").write_bytes(b"x" * 100)
    examples, model = (at.artifact(kind, place) for kind, place in zip(("Examples", "Model"), places, strict=True))
    at.node(run, "ImageExampleGen", outputs={"examples": examples}, note='a "quoted" \\ and 日本 text')
    at.node(run, "MetaTrainer", inputs={"examples": examples}, outputs={"model": model})
    return str(places[1])


@pytest.fixture
def two(team, tmp_path):
    """Two roots that share a database; both have runs of the same name, begun at the same moment."""
    found = [recorder(tmp_path / name, team) for name in ("one", "other")]
    for at in found:
        at.models = [one_run(at, run) for run in ("20260101", "20260102")]
    return found


def test_two_roots_know_only_their_own_runs(two):
    one, other = (runs.list_runs(str(at.root)) for at in two)
    for at, found in zip(two, (one, other), strict=True):
        assert [run.run_id for run in found] == [f"20260102{at.suffix}", f"20260101{at.suffix}"]
        assert [(run.pipeline, run.nodes) for run in found] == [("shop", 2), ("shop", 2)]
        traced = runs.lineage(str(at.root), at.models[0])
        assert [one.node for one in traced] == ["ImageExampleGen", "MetaTrainer"]
        assert all(one.uri.startswith(str(at.root)) for one in traced)
        assert traced[0].settings == {"note": 'a "quoted" \\ and 日本 text'}
        told = explain(str(at.root), "latest")[1]
        assert {one.compared for one in told} == {f"20260101{at.suffix}"}
    assert not {run.run_id for run in one} & {run.run_id for run in other}
    with pytest.raises(ValueError, match="unknown to the ML Metadata of this --root"):
        runs.lineage(str(two[0].root), two[1].models[0])


def test_the_database_as_a_root_has_the_runs_of_all(two, team, fewshot):
    assert {run.run_id for run in runs.list_runs(team)} == {f"2026010{n}{at.suffix}" for n in (1, 2) for at in two}
    assert len(runs.lineage(team, two[1].models[0])) == 2
    result = fewshot("runs", "list", "--root", team, "--json")
    assert [run["pipeline"] for run in json.loads(result.stdout)["runs"]] == ["shop"] * 4
    result = fewshot("runs", "prune", "--keep", "1", "--root", team)
    assert result.returncode == 2 and "expected a directory of this machine" in result.stderr


def test_a_root_is_pruned_and_checked_without_the_other(two):
    one, other = (str(at.root) for at in two)
    checks = check_runs(one)
    assert (checks[0].name, checks[0].ok) == ("metadata", True) and "answers; its backups are its own" in checks[
        0
    ].found
    assert [check.name for check in checks if not check.ok] == ["artifacts"] * 4, "they have no list of files"
    found = prune(one, 1, served=())
    assert len(found.directories) == 2 and all(path.startswith(one) for path in found.directories)
    assert not os.path.exists(two[0].models[0]) and os.path.exists(two[1].models[0])
    assert prune(other, 2, served=()).directories == []
    assert [check.name for check in check_runs(one) if not check.ok] == ["artifacts"] * 2, "the removed ones are known"


def test_a_failure_is_noted_beside_its_run(two):
    at = two[0]
    note_failure(str(at.root), f"20260102{at.suffix}", Failure("MetaTrainer", "it's \\ broken", None))
    assert runs.list_runs(str(at.root))[0].state == "failed"
    assert not any(run.failure for run in runs.list_runs(str(two[1].root)))


def test_the_root_remembers_the_server_but_no_password(two, team):
    at = two[0]
    kept = json.loads((at.root / "metadata.json").read_text())
    assert kept == {"address": team, "key": at.suffix[1:]}
    for address in (None, team):
        assert home_for(str(at.root), address) == home_of(str(at.root)) == Server(
            read_address(team), at.suffix[1:], str(at.root)
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"^metadata: the history of --root .* is in mysql://.*, got mysql://me@"):
        home_for(str(at.root), ADDRESS)
    (at.root / "metadata.json").write_text("{}")
    with pytest.raises(RootError, match=r"metadata.json is damaged; expected \{\"address\""):
        home_of(str(at.root))


def test_a_root_with_a_file_stays_with_it(tmp_path):
    Recorder(tmp_path)
    assert home_for(str(tmp_path), None) == File(str(tmp_path))
    with pytest.raises(ValueError, match=r"metadata.sqlite; leave metadata out, or choose another --root"):
        home_for(str(tmp_path), ADDRESS)


def test_a_database_that_has_lost_executions_is_refused(two):
    at = two[0]
    (at.root / "artifacts" / "Trainer" / "model" / "8").mkdir(parents=True)
    home_of(str(at.root)).make_ready(print)  # eight executions are known
    (at.root / "artifacts" / "Trainer" / "model" / "9").mkdir()
    with pytest.raises(
        RootError, match=r"knows no execution after 8, but .* has the outputs of 9; restore the database"
    ):
        home_of(str(at.root)).make_ready(print)


def said_of(address):
    with pytest.raises(RootError) as raised:
        runs.list_runs(address)
    assert server_of_tests.PASSWORD not in str(raised.value)
    return str(raised.value)


def test_a_server_that_does_not_let_us_in(mariadb, team, monkeypatch, fewshot, tmp_path):
    where = team.rpartition("/")[0]
    assert "the user may not use this database, or there is none; make it" in said_of(f"{where}/nowhere")
    mariadb.ask("CREATE USER everything@'%'", "GRANT ALL ON *.* TO everything@'%'")
    monkeypatch.setenv(VARIABLE, "")
    assert "no such database; make it on the server (CREATE DATABASE nowhere)" in said_of(
        f"mysql://everything@127.0.0.1:{mariadb.port}/nowhere"
    )
    assert "refuses this user or the password; set FEWSHOT_METADATA_PASSWORD, which is not set" in said_of(team)
    monkeypatch.setenv(VARIABLE, "wrong")
    assert said_of(team).endswith("refuses this user or the password; correct FEWSHOT_METADATA_PASSWORD")
    root = tmp_path / "root"
    result = fewshot("run", "--preset", "glyphs-tiny", "--root", str(root), f"metadata={team}")
    assert result.returncode == 1 and "refuses this user or the password" in result.stderr.splitlines()[-1]
    assert not (root / "metadata.json").exists(), "an address that failed is not remembered"


def test_a_user_who_may_make_no_table(mariadb, team):
    mariadb.ask(f"REVOKE CREATE ON {team.rpartition('/')[2]}.* FROM {server_of_tests.USER}@'%'")
    assert "ML Metadata cannot use it, although the account is right" in said_of(team)


class _Deaf(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_that_is_not_there_or_another(monkeypatch):
    monkeypatch.setenv(VARIABLE, server_of_tests.PASSWORD)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Deaf) as other:
        port = other.server_address[1]
        threading.Thread(target=other.serve_forever, daemon=True).start()
        assert "does not answer as one of MySQL or MariaDB" in said_of(f"mysql://me@127.0.0.1:{port}/team")
        other.shutdown()
    assert "the server cannot be reached" in said_of(f"mysql://me@localhost:{port}/team")
    assert "see that it runs, and that the address is right" in said_of(f"mysql://me@localhost:{port}/team")


def test_localhost_is_not_taken_for_a_socket(team):
    assert runs.list_runs(team.replace("127.0.0.1", "localhost")) == []


AT_ONCE = """
import sys, time
from pipeline.history.homes import home_of
home = home_of(sys.argv[1])
time.sleep(max(0, float(sys.argv[2]) - time.time()))
print(home.trouble())
"""


def test_many_may_be_the_first_in_an_empty_database(team):
    """ML Metadata makes its tables when it first connects, and two that do so at once would stumble."""
    command = [sys.executable, "-c", AT_ONCE, team, str(time.time() + 8)]
    started = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in started] == ["None\n"] * 4


def test_a_server_that_goes_away_amid_a_run_is_named(tmp_path):
    (tmp_path / "metadata.json").write_text(json.dumps({"address": "mysql://me@127.0.0.1:1/team", "key": "0a"}))
    cause = RuntimeError("Failed to establish connection to Metadata storage with error: mysql_real_connect failed")
    with (
        pytest.raises(NodeError, match=r"^Pusher: mysql://me@127.0.0.1:1/team: the server cannot be reached"),
        trouble_in(str(tmp_path), str(tmp_path / "serving")),
    ):
        raise NodeError("Pusher", str(cause)) from cause


def test_who_names_another_server_learns_what_to_correct_also_if_the_old_one_is_gone(tmp_path, fewshot):
    (tmp_path / "metadata.json").write_text(json.dumps({"address": "mysql://me@127.0.0.1:1/team", "key": "0a"}))
    result = fewshot("run", "--preset", "glyphs-tiny", "--root", str(tmp_path), f"metadata={ADDRESS}")
    assert result.returncode == 2
    assert f"or correct {tmp_path}/metadata.json if the server has moved" in result.stderr.splitlines()[-1]
