"""Backups of a real, small database of ML Metadata: saved, checked, restored, and what happens to ids."""

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history import backup
from pipeline.history.database import RootError


class Store:
    """Executions with an output each, as TFX leaves them."""

    def __init__(self, root):
        self.root, self.path = root, str(root / "metadata.sqlite")
        self.said = []

    def connect(self):
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = self.path
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return mlmd.MetadataStore(config)

    def run(self, note, state=pb.Execution.COMPLETE):
        """One node in one run; returns the id of its execution, which its folder has too."""
        store = self.connect()
        execution_type = store.put_execution_type(pb.ExecutionType(name="Trainer"))
        artifact_type = store.put_artifact_type(pb.ArtifactType(name="Model"))
        execution = pb.Execution(type_id=execution_type, last_known_state=state)
        execution.custom_properties["note"].string_value = note
        artifact = pb.Artifact(type_id=artifact_type, uri=f"Trainer/model/{note}", state=pb.Artifact.LIVE)
        number, _, _ = store.put_execution(execution, [(artifact, pb.Event(type=pb.Event.OUTPUT))], [])
        (self.root / "artifacts" / "Trainer" / "model" / str(number)).mkdir(parents=True, exist_ok=True)
        return number

    def finish(self, number):
        store = self.connect()
        (execution,) = store.get_executions_by_id([number])
        execution.last_known_state = pb.Execution.COMPLETE
        store.put_executions([execution])

    def notes(self):
        return [e.custom_properties["note"].string_value for e in self.connect().get_executions()]

    def save(self):
        backup.save(self.path, self.said.append)

    def ready(self):
        backup.make_ready(self.path, self.said.append)

    def backups(self):
        return [os.path.basename(one.path) for one in backup.backups(self.path)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def flip(path, at, bit=0):
    content = bytearray(Path(path).read_bytes())
    content[at] ^= 1 << bit
    with open(path, "r+b") as file:
        file.write(content)


def change_a_letter(path):
    """In a text and in the index over it, so that SQLite sees nothing wrong: its files have no checksums."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE ExecutionProperty SET string_value = 'anythinG' WHERE string_value = 'anything'")
        connection.commit()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def content_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_new_root_is_ready_and_stays_empty(store):
    store.ready()
    assert not store.said and not os.listdir(store.root)


def test_a_whole_database_is_left_alone(store):
    store.run("one")
    store.save()
    store.run("two", pb.Execution.FAILED)
    before = Path(store.path).read_bytes()
    store.ready()
    assert not store.said
    assert Path(store.path).read_bytes() == before


def test_the_last_two_backups_stay(store):
    for note in ("one", "two", "three"):
        store.run(note)
        store.save()
    assert [name[:15] for name in store.backups()] == ["metadata-000002", "metadata-000003"]
    assert sorted(os.listdir(store.root / "backups")) == store.backups()  # and nothing beside them


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "no database", "gone"])
def test_a_damaged_database_is_restored_and_kept_aside(store, harm):
    store.run("one")
    store.save()
    store.run("never-backed-up")
    if harm == "flip":
        flip(store.path, 4096 * 2)  # the kind of a page
    elif harm == "gone":
        os.remove(store.path)
    else:
        with open(store.path, "r+b") as file:
            file.truncate({"cut": 5000, "empty": 0, "no database": 0}[harm])
            file.write(b"not a database, but a text" * 100 if harm == "no database" else b"")
    damaged = Path(store.path).read_bytes() if harm != "gone" else None
    store.ready()
    (said,) = store.said
    assert said.startswith(f"{store.path} was damaged (")
    assert "is restored from the backup of 20" in said
    aside = [path for path in store.root.iterdir() if ".damaged-20" in path.name]
    assert [path.read_bytes() for path in aside] == ([damaged] if damaged is not None else [])
    assert all(str(path) in said for path in aside)
    assert store.notes() == ["one"]
    store.ready()
    assert len(store.said) == 1  # the second time it is whole


def test_a_changed_letter_is_noticed(store):
    store.run("anything")
    store.save()
    change_a_letter(store.path)
    store.ready()
    assert "1 of the rows of its table ExecutionProperty have changed or are gone" in store.said[0]
    assert store.notes() == ["anything"]


def test_no_changed_byte_goes_unnoticed_unless_it_holds_nothing(store):
    store.run("one")
    store.save()
    whole, rng = Path(store.path).read_bytes(), random.Random(0)
    content = content_of(store.path)
    places, noticed = [at for at, byte in enumerate(whole) if byte], 0
    for _ in range(150):
        with open(store.path, "wb") as file:
            file.write(whole)
        flip(store.path, rng.choice(places), rng.randrange(8))
        if backup.fault_in_root(store.path, backup.latest_whole(store.path)):
            noticed += 1
        else:
            assert content_of(store.path) == content
    assert noticed > 75


def test_what_runs_on_after_the_backup_is_no_damage(store):
    number = store.run("killed", pb.Execution.RUNNING)
    store.save()
    store.finish(number)
    store.run("next")
    store.ready()
    assert not store.said


def test_what_is_noted_later_about_what_was_backed_up_is_no_damage(store):
    store.run("one")
    at = store.connect()
    kind = at.put_context_type(pb.ContextType(name="pipeline_run"))
    at.put_contexts([pb.Context(type_id=kind, name="run")])
    store.save()
    (context,), (artifact,) = at.get_contexts(), at.get_artifacts()
    context.custom_properties["failed_node"].string_value = "Trainer"
    artifact.state = pb.Artifact.DELETED
    at.put_contexts([context])
    at.put_artifacts([artifact])
    store.ready()
    assert not store.said


def test_a_damaged_database_is_never_backed_up(store):
    store.run("anything")
    store.save()
    before = store.backups()
    change_a_letter(store.path)
    with pytest.raises(
        ValueError, match="metadata.sqlite is damaged .*run the same command again to restore it from the backup"
    ):
        store.save()
    assert store.backups() == sorted(os.listdir(store.root / "backups")) == before


def test_a_damaged_backup_is_passed_over(store):
    store.run("one")
    store.save()
    store.run("two")
    store.save()
    flip(str(store.root / "backups" / store.backups()[-1]), 5000)
    store.ready()
    assert not store.said and store.notes() == ["one", "two"]  # the database is whole, whatever the backup says
    os.truncate(store.path, 5000)
    store.ready()
    assert store.notes() == ["one"]  # from the earlier backup


def test_no_backup_and_a_damaged_database_is_a_sentence(store):
    store.run("one")
    os.truncate(store.path, 5000)
    with pytest.raises(
        ValueError, match="damaged .* holds no whole backup; move the file away and run again: the history"
    ):
        store.ready()
    os.truncate(store.path, 0)  # SQLite takes this for a new database
    with pytest.raises(RootError, match="it is empty, but there are artifacts"):
        store.ready()
    assert os.path.getsize(store.path) == 0


def test_an_empty_database_without_artifacts_is_new(store):
    Path(store.path).touch()
    store.ready()
    assert not store.said


def test_ids_that_a_restored_database_does_not_know_are_not_given_again(store):
    store.run("one")
    store.save()
    lost = [store.run(f"lost-{i}") for i in range(3)]
    os.truncate(store.path, 5000)
    store.ready()
    number = store.run("next")
    assert number == max(lost) + 1  # a folder of a lost one may hold files
    assert store.connect().get_artifacts()[-1].id > 4


def test_ids_are_not_given_again_when_the_database_was_moved_away(store):
    numbers = [store.run(f"lost-{i}") for i in range(3)]
    os.remove(store.path)
    store.ready()
    assert store.run("next") == max(numbers) + 1
    (store.root / "artifacts" / "Trainer" / ".system" / "executor_execution" / "40").mkdir(parents=True)
    store.ready()
    assert store.run("last") == 41  # one that was killed before it had an output


def test_the_journal_of_a_killed_process_is_rolled_back(store):
    store.run("one")
    store.save()
    at = store.root / "elsewhere"
    at.mkdir()
    with closing(
        sqlite3.connect(store.path)
    ) as connection:  # a process that dies amid a commit, as its disk has it then
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("CREATE TABLE Junk (a)")
        connection.executemany("INSERT INTO Junk VALUES (?)", [("x" * 3000,)] * 200)
        for name in ("metadata.sqlite", "metadata.sqlite-journal"):
            shutil.copy(store.root / name, at / name)
        connection.rollback()
    for name in ("metadata.sqlite", "metadata.sqlite-journal"):
        shutil.copy(at / name, store.root / name)
    assert os.path.getsize(store.path) > 200_000
    store.ready()
    assert not store.said and store.notes() == ["one"]
    assert not os.path.exists(f"{store.path}-journal")


def test_a_restored_database_does_not_get_the_journal_of_the_damaged_one(store):
    store.run("one")
    store.save()
    with open(store.path, "wb") as file:
        file.write(b"no database at all " * 500)
    for companion in ("-journal", "-wal"):
        with open(store.path + companion, "wb") as file:
            file.write(b"pages of another database " * 500)
    store.ready()
    assert store.notes() == ["one"]
    left = sorted(path.name for path in store.root.iterdir() if path.name.startswith("metadata.sqlite"))
    assert left[0] == "metadata.sqlite" and all(".damaged-20" in name for name in left[1:])
