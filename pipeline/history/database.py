"""The database of ML Metadata as SQLite sees it: who holds it, and whether it is whole. It needs neither ml_metadata nor tfx."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

PATIENCE = 60.0  # seconds to wait for another program that holds the database
SILENCE = 3.0  # seconds of waiting before it is said

FINAL = "WHERE last_known_state >= 3"  # complete, failed, cached or canceled: such an execution never changes again
MUTABLE = ("Artifact.state", "sqlite_master.rootpage")
TIME = "last_update_time_since_epoch"  # of any row, also when only a property was added
COUNTERS = "sqlite_sequence"

Say = Callable[[str], None]

# The file may be whole, but cannot be used now. Every other error of SQLite is about its content.
_ELSEWHERE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
)


class RootError(ValueError):
    """What is under a root cannot be used now; the call itself was right. The message says what to do."""


def tell(sentence: str) -> None:
    """Prints what a user should know although the work goes on."""
    print(f"fewshot: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def opened(path: str, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """Opens an existing database. The journal of a killed process is rolled back with the first statement.

    Args:
      mode: `rw`, or `ro` where nothing may be written.
    """
    uri = f"file:{quote(os.path.abspath(path))}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
        yield connection


def wait_until_free(path: str, say: Say) -> None:
    """Waits until no other program holds the database; returns at once if there is none.

    ML Metadata would wait too, but without a word, for minutes, and with all threads of Python stopped.

    Args:
      say: gets a sentence if it takes more than `SILENCE`.

    Raises:
      RootError: another program still holds it after `PATIENCE`.
    """
    began, told = time.monotonic(), False
    while os.path.exists(path) and _held(path):
        waited = time.monotonic() - began
        if waited >= PATIENCE:
            raise RootError(
                f"{path} is locked by {holder_of(path)}, also after {waited:.0f} s of waiting; end that program or wait for it, "
                "then run the same command again"
            )
        if waited >= SILENCE and not told:
            told = True
            say(f"waiting up to {PATIENCE:.0f} s for {path}, which is locked by {holder_of(path)}")
        time.sleep(0.1)


def _held(path: str) -> bool:
    """Returns whether a write would have to wait. It takes the lock that a commit takes, and writes nothing."""
    try:
        with opened(path) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:  # others are for those who read or write it
        return _kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def holder_of(path: str, locks: Path = Path("/proc/locks")) -> str:
    """Returns in words which process has locked a file. Linux knows it, unless the process is on another machine."""
    inode = str(os.stat(path).st_ino)
    for line in locks.read_text().splitlines() if locks.exists() else ():
        words = line.split()  # number: POSIX ADVISORY WRITE pid major:minor:inode start end
        if len(words) == 8 and words[5].split(":")[-1] == inode and int(words[4]) > 0:
            return f"process {words[4]} ({_called(words[4])})"
    return "another program"


def _called(process: str) -> str:
    """Returns the command of a process, shortened."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return "already gone"
    return command.replace(b"\0", b" ").decode(errors="replace").strip()[:80]


def fault_of(path: str, earlier: str | None = None) -> str | None:
    """Returns what is wrong with a database in a few words, or None if it is whole.

    SQLite has no checksums, so it does not notice a byte that has changed in a text or a number. Therefore the database is also
    compared with an earlier copy: ML Metadata adds rows and hardly ever changes one.

    Args:
      earlier: a copy of the same database, known to be whole.

    Raises:
      sqlite3.OperationalError: the file cannot be opened or read now.
    """
    try:
        with opened(path) as connection:
            for (said,) in connection.execute("PRAGMA integrity_check(1)").fetchall():
                if said != "ok":
                    return " ".join(said.replace("*** in database main ***", "").split())
            return _lacks(connection, earlier) if earlier else None
    except sqlite3.DatabaseError as error:
        if is_elsewhere(error):
            raise
        return str(error)
    except UnicodeDecodeError:  # of a message of SQLite that quotes what it found
        return "a text in it is damaged"


def is_elsewhere(error: sqlite3.DatabaseError) -> bool:
    """Returns whether an error says that a database cannot be used now, and nothing about its content."""
    return _kind(error) in _ELSEWHERE


def _lacks(connection: sqlite3.Connection, earlier: str) -> str | None:
    """Returns which rows of an earlier copy are not in the database, in words, or None."""
    connection.execute("ATTACH ? AS earlier", [f"file:{quote(os.path.abspath(earlier))}?mode=ro&immutable=1"])
    found = connection.execute("SELECT name FROM earlier.sqlite_master WHERE type = 'table' AND name != ?", [COUNTERS])
    for table in ["sqlite_master", *(name for (name,) in found.fetchall())]:
        columns = [row[1] for row in connection.execute(f"PRAGMA earlier.table_info({table})")]
        same = ", ".join(f"`{name}`" for name in columns if name != TIME and f"{table}.{name}" not in MUTABLE)
        final = FINAL if table == "Execution" else ""
        gone = f"SELECT {same} FROM earlier.{table} {final} EXCEPT SELECT {same} FROM main.{table}"
        (count,) = connection.execute(f"SELECT count(*) FROM ({gone})").fetchone()
        if count:
            return f"{count} of the rows of its table {table} have changed or are gone"
    return None


def _kind(error: sqlite3.DatabaseError) -> int:
    """Returns the primary code of an error of SQLite; 0 if the error is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
