"""Where ML Metadata keeps the history of a root: in a file of the root, or in the database of a team's server.

Many roots share the database of a server. Names of pipelines and runs end there with the key of their root, so that no two roots
share a context of ML Metadata: neither their runs nor what the cache knows can be taken for one another's. In the root:

metadata.sqlite   the file
metadata.json     or, in its place, the server and the key of this root
"""

import json
import os
import secrets
from typing import NamedTuple, TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history import backup
from pipeline.history.address import EXAMPLE, PASSWORD, Address, is_address, password, read_address
from pipeline.history.database import RootError, Say, fault_of, tell, wait_until_free

KEPT = "metadata.json"
PATIENCE = 10  # seconds for a server to answer

# Numbers of MySQL's errors.
_NO_ENTRY, _NO_RIGHT, _NO_DATABASE, _NOT_THERE = (1045, 1698), (1044, 1142), (1049,), (2002, 2003, 2005)


class File(NamedTuple):
    """A file of SQLite in a root. No other root uses it, so its names need no key."""

    root: str
    suffix: str = ""

    @property
    def name(self) -> str:
        """Its path."""
        return os.path.join(self.root, "metadata.sqlite")

    @property
    def made(self) -> bool:
        """Whether a run has made it."""
        return os.path.exists(self.name)

    def config(self, write: bool = True) -> pb.ConnectionConfig:
        """Returns how ML Metadata connects; who writes makes the file if there is none."""
        config, mode = pb.ConnectionConfig(), pb.SqliteMetadataSourceConfig
        config.sqlite.filename_uri = self.name
        config.sqlite.connection_mode = mode.READWRITE_OPENCREATE if write else mode.READONLY
        return config

    def expect(self) -> None:
        """Raises ValueError if there is no such file, or it is none that this user may read."""
        if os.path.isdir(self.root) and not os.access(self.root, os.R_OK | os.X_OK):
            raise ValueError(f"--root {self.root}: this user may not read it; change its permissions")
        if not os.path.isfile(self.name):
            raise ValueError(
                f"--root {self.root}: holds no metadata.sqlite; expected the --root of an earlier `fewshot run`"
            )

    def check(self) -> None:
        """Waits until it can be read; raises ValueError if there is none, and RootError if it is damaged or held."""
        self.expect()
        self.wait(tell)
        if fault := fault_of(self.name):
            raise RootError(f"{self.name} is damaged ({fault}); `fewshot doctor --root {self.root}` says what to do")

    def wait(self, say: Say) -> None:
        """Waits until no other program holds it; raises RootError if that takes too long."""
        wait_until_free(self.name, say)

    def make_ready(self, say: Say) -> None:
        """Makes sure that a run can rely on it; raises RootError if it cannot."""
        backup.make_ready(self.name, say)

    def save(self, say: Say) -> None:
        """Makes a new backup."""
        backup.save(self.name, say)

    def trouble(self) -> str | None:
        """Returns the sentence about its damage, or None; raises sqlite3.OperationalError if it cannot be looked at."""
        latest = backup.latest_whole(self.name)
        fault = backup.fault_in_root(self.name, latest)
        return backup.damaged(self.name, fault, latest) if fault else None


class Server(NamedTuple):
    """A database of a server. Its backups are the business of whoever runs the server.

    Attributes:
      address: of the database.
      key: of a root; without one it is the history of all roots.
      root: the root, if there is one.
    """

    address: Address
    key: str = ""
    root: str = ""
    made: bool = True  # before a root names a server, a run has reached it

    @property
    def name(self) -> str:
        """Its address."""
        return str(self.address)

    @property
    def suffix(self) -> str:
        """What the names of pipelines and runs end with. No name of a pipeline has a dot."""
        return f".{self.key}" if self.key else ""

    def config(self, write: bool = True) -> pb.ConnectionConfig:
        """Returns how ML Metadata connects. The password is in it, so it goes nowhere else."""
        config = pb.ConnectionConfig()
        host = "127.0.0.1" if self.address.host == "localhost" else self.address.host  # by that name it takes a socket
        config.mysql.host, config.mysql.port, config.mysql.database = host, self.address.port, self.address.database
        config.mysql.user, config.mysql.password = self.address.user, password()
        config.mysql.skip_db_creation = True
        return config

    def expect(self) -> None:
        """Does nothing: the server is there, or `check` says so."""

    def check(self) -> None:
        """Raises RootError if the server does not let us in."""
        if trouble := self.trouble():
            raise RootError(trouble)

    def wait(self, say: Say) -> None:
        """Does nothing: a server serves many at once, and TFX waits for one that is busy."""

    def make_ready(self, say: Say) -> None:
        """Makes sure that a run can rely on the server, and notes in the root which one it is.

        Raises:
          RootError: the server does not let us in, or it knows fewer executions than have left folders in the root.
        """
        self.check()
        newest = mlmd.ListOptions(limit=1, order_by=mlmd.OrderByField.ID, is_asc=False)
        known = max((one.id for one in mlmd.MetadataStore(self.config()).get_executions(newest)), default=0)
        used = backup.used_ids(self.root)
        if used > known:  # their ids would be given again, and a node write into the folder of another
            raise RootError(
                f"{self.name} knows no execution after {known}, but {self.root} has the outputs of {used}; restore the "
                "database from the server's own backup, or choose another --root"
            )
        path = os.path.join(self.root, KEPT)
        if not os.path.exists(path):
            with open(f"{path}.tmp", "w", encoding="utf-8") as file:
                json.dump({"address": str(self.address), "key": self.key}, file)
            backup.publish(f"{path}.tmp", path)

    def save(self, say: Say) -> None:
        """Does nothing: the server has backups of its own."""

    def trouble(self) -> str | None:
        """Returns the sentence about why the server does not let us in, or None.

        ML Metadata says of any reason only that it failed; so the server is asked by another client first.
        """
        import pymysql  # rarely needed

        where = self.address
        try:
            with (
                pymysql.connect(
                    host=where.host,
                    port=where.port,
                    user=where.user,
                    password=os.fsencode(password()),  # a text would have to be of Western letters
                    database=where.database,
                    connect_timeout=PATIENCE,
                    read_timeout=2 * PATIENCE,
                ) as connection,
                connection.cursor() as cursor,
            ):
                # ML Metadata makes its tables when it first connects, and two that do so at once would stumble.
                cursor.execute("SELECT GET_LOCK(%s, %s)", [f"fewshot {where.database}"[:64], PATIENCE])
                mlmd.MetadataStore(self.config())
        except pymysql.MySQLError as error:
            number, said = (*error.args, "no reason given")[:2]
            return f"{where}: {self._advice(number if isinstance(number, int) else 0, str(said))}"
        except (RuntimeError, mlmd.errors.StatusError) as error:
            return (
                f"{where}: ML Metadata cannot use it, although the account is right ({' '.join(str(error).split())}); it "
                "logs in only by mysql_native_password, and needs the right to create tables"
            )
        return None

    def _advice(self, number: int, said: str) -> str:
        if number in _NO_ENTRY:
            wrong = f"correct {PASSWORD}" if password() else f"set {PASSWORD}, which is not set"
            return f"the server refuses this user or the password; {wrong}"
        if number in _NO_DATABASE:
            return f"there is no such database; make it on the server (CREATE DATABASE {self.address.database})"
        if number in _NO_RIGHT:
            grant = f"GRANT ALL ON {self.address.database}.* TO {self.address.user}"
            return f"the user may not use this database, or there is none; make it and allow it on the server ({grant})"
        if number in _NOT_THERE:
            return f"the server cannot be reached ({said}); see that it runs, and that the address is right"
        return f"the server does not answer as one of MySQL or MariaDB ({said}); see that the address is right"


Home: TypeAlias = File | Server


def home_of(root: str) -> Home:
    """Returns where the history of a root is, or will be.

    Args:
      root: a directory of runs, or the address of a database: then it is the history of all roots that share it.

    Raises:
      ValueError: the address is none.
      RootError: what the root says about its server is damaged.
    """
    if is_address(root):
        return Server(_named(root, f"--root {root.partition('://')[0]}://..."))
    path = os.path.join(root, KEPT)
    if not os.path.exists(path):
        return File(root)
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        return Server(read_address(kept["address"]), str(kept["key"]), root)
    except (ValueError, KeyError, TypeError):
        raise RootError(
            f'{path} is damaged; expected {{"address": "{EXAMPLE}", "key": "..."}}; restore it, or choose another --root'
        ) from None


def home_for(root: str, address: str | None) -> Home:
    """Returns where a run in `root` writes its history: where the runs before it did, or at an address.

    Raises:
      ValueError: the runs before it wrote elsewhere.
    """
    found = home_of(root)
    if address is None:
        return found
    wanted = _named(address, "metadata")
    if isinstance(found, Server) and found.address == wanted:
        return found
    if isinstance(found, Server):
        raise ValueError(
            f"metadata: the history of --root {root} is in {found.name}, got {wanted}; leave metadata out, choose another "
            f"--root, or correct {os.path.join(root, KEPT)} if the server has moved"
        )
    if os.path.exists(found.name) or backup.backups(found.name):
        raise ValueError(
            f"metadata: the history of --root {root} is in {found.name}; leave metadata out, or choose another --root"
        )
    return Server(wanted, secrets.token_hex(4), root)


def _named(address: str, place: str) -> Address:
    try:
        return read_address(address)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
