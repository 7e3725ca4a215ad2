"""Errors of a run about the disk and the metadata become sentences; all others stay as they are."""

import errno
import os
import sqlite3

import ml_metadata as mlmd
import pytest

from pipeline.commands.trouble import trouble_in
from pipeline.history import backup, database
from pipeline.history.database import RootError
from pipeline.platforms.local import NodeError
from tests.pipeline.history.test_backup import Store
from tests.pipeline.history.test_database import held


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.run("one")
    store.save()
    return store


def raise_in(store, error, cause=None):
    with trouble_in(str(store.root), str(store.root / "serving")):
        raise error from cause


def test_a_full_disk_keeps_the_name_of_the_node(store):
    cause = OSError(errno.ENOSPC, "No space left on device", str(store.root / "artifacts" / "x"))
    with pytest.raises(NodeError, match=f"^MetaTrainer: the disk of {store.root}/artifacts/x is full") as raised:
        raise_in(store, NodeError("MetaTrainer", str(cause)), cause)
    assert raised.value.node == "MetaTrainer"
    with pytest.raises(RootError, match=f"^the disk of {store.root}/artifacts/x is full"):
        raise_in(store, cause)


def test_a_database_that_is_damaged_while_a_run_uses_it(store):
    os.truncate(store.path, 5000)
    cause = mlmd.errors.InternalError("Error when executing query: database disk image is malformed")
    with pytest.raises(
        NodeError, match="^Pusher: .*metadata.sqlite is damaged .* run the same command again to restore it"
    ):
        raise_in(store, NodeError("Pusher", str(cause)), cause)


def test_a_database_that_was_held_amid_a_node(store):
    """ML Metadata gives up after its own retries."""
    cause = mlmd.errors.AbortedError("Concurrent writes aborted after max number of retries.")
    with held(store.path), pytest.raises(NodeError, match="metadata.sqlite cannot be used .*locked"):
        raise_in(store, NodeError("Pusher", str(cause)), cause)


def test_sentences_stay(store, monkeypatch):
    for error in (
        ValueError("shot: expected at most 5"),
        NodeError("MetaTrainer", "training diverged"),
        KeyError("image"),
    ):
        with pytest.raises(type(error)) as raised:
            raise_in(store, error)
        assert raised.value is error
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    place = str(store.root)
    with held(store.path), pytest.raises(RootError, match="is locked by process"), trouble_in(place, place):
        backup.make_ready(store.path, store.said.append)


def test_an_interrupt_stays_one(store):
    with pytest.raises(KeyboardInterrupt):
        raise_in(store, KeyboardInterrupt())


def test_what_sqlite_cannot_open_is_said(store, monkeypatch):
    def refuse(*_):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(backup, "fault_in_root", refuse)
    with pytest.raises(RootError, match=r"cannot be used \(unable to open database file\)"):
        raise_in(store, RuntimeError("Failed to establish connection to Metadata storage"))


def test_the_command_ends_before_any_work(store, fewshot, monkeypatch):
    monkeypatch.setattr(database, "SILENCE", 0.1)
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    words = ["run", "--preset", "glyphs-tiny", "--root", str(store.root)]
    with held(store.path):
        result = fewshot(*words)
    assert result.returncode == 1 and "fewshot: waiting up to" in result.stderr
    assert "metadata.sqlite is locked by process" in result.stderr.splitlines()[-1]
    for one in backup.backups(store.path):
        os.remove(one.path)
    os.truncate(store.path, 5000)
    result = fewshot(*words)
    assert result.returncode == 1 and "holds no whole backup; move the file away" in result.stderr.splitlines()[-1]
    assert not (store.root / "data").exists()
