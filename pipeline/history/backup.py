"""The backup of ML Metadata: saved while a run goes well, checked when a run starts, restored if the database is damaged.

metadata.sqlite                             the database
backups/metadata-<number>-<digest>.sqlite   whole copies of it; the digest is of the file, so a damaged copy is noticed
metadata.sqlite.damaged-<date>              a damaged database that was restored
"""

import datetime
import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history.database import RootError, Say, fault_of, is_elsewhere, opened, wait_until_free

FOLDER, ARTIFACTS = "backups", "artifacts"  # beside the database
KEPT = 2
OUTPUTS = 20  # no node has more: at most so many artifacts were lost with an execution
COMPANIONS = ("", "-journal", "-wal", "-shm")  # what belongs to a database of SQLite

_NAME = re.compile(r"metadata-(\d{6})-([0-9a-f]{16})\.sqlite")


class Backup(NamedTuple):
    """A copy of the database."""

    number: int
    path: str
    digest: str  # as its name has it

    @property
    def whole(self) -> bool:
        """Whether the file is as it was written."""
        return _digest(self.path) == self.digest

    @property
    def made(self) -> str:
        """When it was written."""
        return datetime.datetime.fromtimestamp(os.path.getmtime(self.path)).isoformat(" ", "seconds")


def backups(database: str) -> list[Backup]:
    """Returns all backups of a database, the oldest first, damaged ones too."""
    folder = Path(database).parent / FOLDER
    found = [(path, _NAME.fullmatch(path.name)) for path in (folder.iterdir() if folder.is_dir() else ())]
    return sorted(Backup(int(name[1]), str(path), name[2]) for path, name in found if name)


def latest_whole(database: str) -> Backup | None:
    """Returns the newest backup that is not damaged, or None."""
    return next((one for one in reversed(backups(database)) if one.whole), None)


def save(database: str, say: Say) -> None:
    """Makes a new backup, unless the database is damaged: the earlier backups are then the last good ones.

    A kill at any moment leaves the earlier backups as they are.

    Args:
      say: gets a sentence if another program holds the database for some time.

    Raises:
      RootError: the database is damaged, or another program holds it.
      OSError, sqlite3.OperationalError: it cannot be read, or the backup not be written.
    """
    wait_until_free(database, say)
    folder = os.path.join(os.path.dirname(database), FOLDER)
    os.makedirs(folder, exist_ok=True)
    beside = os.path.join(folder, ".new.sqlite")
    _remove(beside)
    fault = _copy(database, beside)
    earlier = latest_whole(database)
    fault = fault or fault_of(beside, earlier.path if earlier else None)
    if fault:
        _remove(beside)
        raise RootError(damaged(database, fault, earlier))
    number = max((one.number for one in backups(database)), default=0) + 1
    publish(beside, os.path.join(folder, f"metadata-{number:06}-{_digest(beside)}.sqlite"))
    for one in backups(database)[:-KEPT]:
        os.remove(one.path)


def make_ready(database: str, say: Say) -> None:
    """Makes sure that a run can rely on the database: waits until it is free, checks it, and restores it if it is damaged.

    Args:
      say: gets a sentence about each thing that was done.

    Raises:
      RootError: another program holds the database, or it is damaged and there is no backup.
    """
    wait_until_free(database, say)
    backup = latest_whole(database)
    fault = fault_in_root(database, backup)
    if fault and backup is None:
        raise RootError(damaged(database, fault, None))
    if fault and backup:
        aside = restore(database, backup)
        kept = f"the damaged file is kept as {aside}" if aside else "its file was gone"
        say(
            f"{database} was damaged ({fault}) and is restored from the backup of {backup.made}; {kept}; nodes that ran after "
            "this backup run again"
        )
    reserve_ids(database)


def fault_in_root(database: str, backup: Backup | None) -> str | None:
    """Returns what is wrong with the database of a root in a few words, or None. A new root has none, and that is right."""
    if not os.path.exists(database):
        return "there is no such file" if backup else None
    if fault := fault_of(database, backup.path if backup else None):
        return fault
    with opened(database) as connection:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    return "it is empty, but there are artifacts" if not tables and used_ids(os.path.dirname(database)) else None


def damaged(database: str, fault: str, backup: Backup | None) -> str:
    """Returns the sentence about a damaged database."""
    if backup:
        return f"{database} is damaged ({fault}); run the same command again to restore it from the backup of {backup.made}"
    return (
        f"{database} is damaged ({fault}), and {os.path.join(os.path.dirname(database), FOLDER)} holds no whole backup; move "
        "the file away and run again: the history of the earlier runs is lost then, and every node runs anew, but pushed models, "
        "checkpoints and images stay"
    )


def restore(database: str, backup: Backup) -> str | None:
    """Puts a backup in the place of the database. Returns where the damaged file is now, or None if there was none."""
    aside = f"{database}.damaged-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    there = os.path.exists(database)
    for companion in COMPANIONS:  # the database first: without its journal it could pass for a whole one after a kill
        with suppress(FileNotFoundError):
            os.replace(database + companion, aside + companion)
    beside = f"{database}.new"
    shutil.copyfile(backup.path, beside)
    publish(beside, database)
    return aside if there else None


def reserve_ids(database: str) -> None:
    """Makes sure that no id is given twice.

    A restored or new database does not know the executions that came after the backup. Their output folders carry their ids, and
    a new execution under such an id would find another's files in its own folder.
    """
    used = used_ids(os.path.dirname(database))
    if not used:
        return
    if not os.path.exists(database):
        _create(database)
    with opened(database) as connection:
        known = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        lost = used - known.get("Execution", 0)
        if lost <= 0:
            return
        connection.execute("BEGIN")
        for table, seq in (("Execution", used), ("Artifact", known.get("Artifact", 0) + lost * OUTPUTS)):
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table])
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, seq])
        connection.execute("COMMIT")


def used_ids(root: str) -> int:
    """Returns the highest id of an execution that has left a folder in a root, or 0."""
    artifacts = Path(root) / ARTIFACTS
    found = [*artifacts.glob("*/*/*"), *artifacts.glob("*/.system/*/*")]
    return max((int(path.name) for path in found if path.name.isdecimal()), default=0)


def _create(database: str) -> None:
    """Creates the tables of ML Metadata."""
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = database
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    mlmd.MetadataStore(config)


def _copy(database: str, target: str) -> str | None:
    """Copies a database by SQLite's own means. Returns what is wrong with it if that fails, or None."""
    with opened(database) as source, closing(sqlite3.connect(target)) as copy:
        try:
            source.backup(copy, progress=_not_locked)
        except sqlite3.DatabaseError as error:
            if is_elsewhere(error):
                raise
            return str(error)
    return None


def _not_locked(status: int, *_: int) -> None:
    """Ends a backup that would wait for another program without an end."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = status
        raise error


def publish(beside: str, path: str) -> None:
    """Forces a file to disk and gives it its name."""
    from components.pusher.files import sync  # imports TensorFlow, which a reader does not need

    sync(beside)
    os.replace(beside, path)
    sync(os.path.dirname(path))


def _remove(database: str) -> None:
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            os.remove(database + companion)


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
