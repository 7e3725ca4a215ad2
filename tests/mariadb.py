"""A server of MariaDB for tests: Debian's programs, on a directory that is thrown away, reached from this machine alone."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql

PASSWORD = 'se cr@t:/?"\\#%é'  # nothing that carries it may read a sign in it
USER = "fewshot"
PATIENCE = 60  # seconds for it to start

_PROGRAMS = ("mariadb-install-db", "mariadbd", "my_print_defaults")  # the first calls the last
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_OPTIONS = (  # it is not to outlive a fall of the machine
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-name-resolve",
)


def missing() -> str | None:
    """Returns why there can be no server here, or None."""
    lacking = [name for name in _PROGRAMS if not shutil.which(name, path=_PATH)]
    packages = "mariadb-server-core and mariadb-client-core"
    return f"no {', no '.join(lacking)} here: install Debian's {packages}" if lacking else None


class MariaDB:
    """A server that runs."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port

    def connect(self) -> pymysql.Connection:
        """Connects as its master."""
        return pymysql.connect(unix_socket=str(self.directory / "s"), user="root", autocommit=True)

    def ask(self, *statements: str) -> list[tuple]:
        """Returns the rows of the last statement."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def database(self) -> str:
        """Makes a database that the user may use; returns its address."""
        name = f"team_{uuid.uuid4().hex[:8]}"
        self.ask(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO {USER}@'%'")
        return f"mysql://{USER}@127.0.0.1:{self.port}/{name}"


@contextmanager
def serving() -> Iterator[MariaDB]:
    """Runs a server."""
    directory = Path(tempfile.mkdtemp(prefix="mariadb-", dir="/tmp"))  # the path of a socket has at most 107 letters
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = MariaDB(directory, free.getsockname()[1])
    install, serve, _ = (str(shutil.which(name, path=_PATH)) for name in _PROGRAMS)
    owner = ["--user=root"] if os.getuid() == 0 else []
    data = [f"--datadir={directory / 'data'}", *owner]
    local = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    try:
        done = subprocess.run([install, "--no-defaults", *data, *local], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(directory / "log", "wb") as log:
            place = [f"--socket={directory / 's'}", f"--port={server.port}", f"--pid-file={directory / 'pid'}"]
            process = subprocess.Popen([serve, "--no-defaults", *data, *place, *_OPTIONS], stdout=log, stderr=log)
        try:
            _wait(server, process)
            with server.connect() as connection:
                server.ask(f"CREATE USER {USER}@'%' IDENTIFIED BY {connection.escape(PASSWORD)}")
            yield server
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _wait(server: MariaDB, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(server.directory / "s"))
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server does not start: {(server.directory / 'log').read_text()[-2000:]}")
