"""The address of a team's database server, without its password. It needs nothing heavy."""

import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PASSWORD = "FEWSHOT_METADATA_PASSWORD"  # the environment variable; the password is nowhere else
EXAMPLE = "mysql://user@host:3306/database"
SCHEME, PORT = "mysql", 3306

_POSTGRES = ("postgres", "postgresql")
_NAME = re.compile(r"[\w.$-]+")  # of a user or a database


class Address(NamedTuple):
    """A database of a server of MySQL or MariaDB, and the account that uses it."""

    user: str
    host: str
    port: int
    database: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}://{self.user}@{host}:{self.port}/{self.database}"


def password() -> str:
    """Returns the password of the account; empty if it has none."""
    return os.environ.get(PASSWORD, "")


def is_address(text: str) -> bool:
    """Returns whether a text was meant as an address of a database server."""
    return text.partition("://")[0].lower() in (SCHEME, *_POSTGRES) and "://" in text


def read_address(text: str) -> Address:
    """Returns the address that a text names.

    Raises:
      ValueError: it names none, or holds a password. The message does not repeat the text, which may hold a password.
    """
    scheme, separator, rest = text.partition("://")
    if scheme.lower() in _POSTGRES and separator:
        raise ValueError(
            "PostgreSQL is refused, because ML Metadata 1.17 fails there on a text with a backslash, and on a long one; "
            f"expected a database of MySQL or MariaDB: {EXAMPLE}"
        )
    if scheme.lower() != SCHEME or not separator:
        raise ValueError(f"expected the address of a database server, such as {EXAMPLE}, got another kind of text")
    if "@" in rest and ":" in rest.rpartition("@")[0]:
        raise ValueError(
            f"expected an address without a password, which would be seen and stored: leave it out and set {PASSWORD}"
        )
    try:
        parts = urlsplit(f"{SCHEME}://{rest}")
        port = parts.port or PORT
    except ValueError:
        raise ValueError(f"expected a host and a port from 1 to 65535, as in {EXAMPLE}") from None
    user, host, database = unquote(parts.username or ""), parts.hostname or "", unquote(parts.path.removeprefix("/"))
    for what, value in (("a user", user), ("a database", database)):
        if not _NAME.fullmatch(value):
            raise ValueError(f"expected {what} of letters, digits and . _ - $, as in {EXAMPLE}, got {value!r}")
    if not host or parts.query or parts.fragment:
        raise ValueError(f"expected a host and nothing after the database, as in {EXAMPLE}")
    return Address(user, host, port, database)
