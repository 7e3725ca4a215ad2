"""A database that another process holds, and what SQLite says about one that is damaged."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from pipeline.history import backup, database
from pipeline.history.database import RootError
from pipeline.history.homes import File
from pipeline.history.metadata import read_history
from tests.pipeline.history.test_backup import Store

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT count(*) FROM Execution").fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path, statement="BEGIN EXCLUSIVE"):
    """Another process holds the database. SQLite's locks do not tell apart two connections of one process and two libraries."""
    command = [sys.executable, "-c", HOLD, path, statement]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate("")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.run("one")
    return store


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(database, "SILENCE", 0.2)
    monkeypatch.setattr(database, "PATIENCE", 0.5)


def test_a_held_database_ends_in_a_sentence_that_names_the_process(store, impatient):
    with (
        held(store.path) as process,
        pytest.raises(RootError, match=f"{store.path} is locked by process {process.pid} ") as error,
    ):
        store.ready()
    assert "end that program or wait for it, then run the same command again" in str(error.value)
    (said,) = store.said
    assert (
        said.startswith("waiting up to")
        and f"{store.path}, which is locked by process {process.pid} ({sys.executable}" in said
    )


@pytest.mark.parametrize("use", ["save", "connect", "read"])
def test_whoever_uses_it_waits_in_the_same_way(store, impatient, use, capfd):
    from pipeline.history.patient import PatientMetadata  # at the last moment: it takes seconds

    connection = PatientMetadata(File(str(store.root)), store.said.append)
    ways = {"save": store.save, "connect": connection.__enter__, "read": lambda: read_history(str(store.root))}
    with held(store.path), pytest.raises(RootError, match=r"metadata.sqlite is locked by process \d+"):
        ways[use]()
    assert store.said or "fewshot: waiting up to" in capfd.readouterr().err
    with connection as connected:  # when it is free again
        assert len(connected.store.get_executions()) == 1


def test_a_reader_that_never_ends_holds_it_too(store, impatient):
    """It would hold up the first commit."""
    with held(store.path, "BEGIN"), pytest.raises(RootError, match="is locked by process"):
        store.ready()


def test_a_short_lock_is_waited_for(store, monkeypatch):
    naps = []
    with held(store.path) as process:

        def nap(seconds):
            naps.append(seconds)
            process.communicate("")

        monkeypatch.setattr(database.time, "sleep", nap)
        store.ready()
    assert naps and not store.said


def test_who_holds_a_file_is_read_from_the_kernel(tmp_path):
    path = tmp_path / "metadata.sqlite"
    path.touch()
    locks = tmp_path / "locks"
    locks.write_text(
        f"1: FLOCK ADVISORY WRITE 7 fe:00:1 0 EOF\n2: POSIX ADVISORY WRITE {os.getpid()} fe:00:{path.stat().st_ino} 0 9\n"
    )
    assert database.holder_of(str(path), locks).startswith(f"process {os.getpid()} (")
    locks.write_text("")
    assert database.holder_of(str(path), locks) == "another program"
    assert database.holder_of(str(path), tmp_path / "none") == "another program"  # not on Linux


def test_a_file_that_cannot_be_opened_is_not_damaged(tmp_path):
    (tmp_path / "metadata.sqlite").mkdir()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        database.fault_of(str(tmp_path / "metadata.sqlite"))


def test_a_history_that_cannot_be_read_says_so(store):
    os.truncate(store.path, 5000)
    with pytest.raises(
        ValueError, match=r"metadata.sqlite is damaged \(.*\); `fewshot doctor --root .*` says what to do"
    ):
        read_history(str(store.root))


def test_a_backup_of_a_held_database_does_not_wait_without_end(store, monkeypatch):
    """The lock may come between the look and the copy; SQLite's own backup would then wait for ever."""
    monkeypatch.setattr(backup, "wait_until_free", lambda path, say: None)
    with held(store.path), pytest.raises(sqlite3.OperationalError, match="locked"):
        store.save()


def test_the_probe_writes_nothing(store):
    with closing(sqlite3.connect(store.path)) as connection:
        before = connection.execute("PRAGMA data_version").fetchone(), os.stat(store.path).st_mtime_ns
        database.wait_until_free(store.path, store.said.append)
        assert (connection.execute("PRAGMA data_version").fetchone(), os.stat(store.path).st_mtime_ns) == before
