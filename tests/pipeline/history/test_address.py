"""Addresses of database servers: what they name, and that none may hold a password."""

import pytest

from pipeline.config import load_settings
from pipeline.history.address import Address, is_address, read_address

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mysql://me@db.example.org:3307/team", Address("me", "db.example.org", 3307, "team")),
        ("MySQL://me@db/team", Address("me", "db", 3306, "team")),
        ("mysql://a.b-c@10.0.0.1/x_1", Address("a.b-c", "10.0.0.1", 3306, "x_1")),
        ("mysql://me@[::1]:3306/team", Address("me", "::1", 3306, "team")),
    ],
)
def test_what_an_address_names(text, address):
    assert is_address(text) and read_address(text) == address
    assert read_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"mysql://me:{SECRET}@db/team", "without a password, .*: leave it out and set FEWSHOT_METADATA_PASSWORD"),
        (f"mysql://:{SECRET}@db/team", "without a password"),
        (f"mysql://me:{SECRET}/@db/team", "without a password"),
        (f"mysql://me:a@{SECRET}@db/team", "without a password"),
        ("mysql://db/team", "expected a user"),
        ("mysql://me@db", "expected a database"),
        ("mysql://me@db/", "expected a database"),
        ("mysql://me@db/a/b", "expected a database"),
        ("mysql://me@db/`x`", "expected a database"),
        ("mysql://me@/team", "expected a host"),
        ("mysql://me@db:0x/team", "a port from 1 to 65535"),
        ("mysql://me@db:99999/team", "a port from 1 to 65535"),
        (f"mysql://me@db/team?password={SECRET}", "nothing after the database"),
        (f"postgresql://me:{SECRET}@db/team", "PostgreSQL is refused, .* a text with a backslash"),
        ("postgres://me@db/team", "PostgreSQL is refused"),
        (f"oracle://me:{SECRET}@db/team", "such as mysql://user@host:3306/database"),
        ("metadata.sqlite", "such as mysql://"),
        ("", "such as mysql://"),
    ],
)
def test_a_sentence_without_the_password(text, said):
    with pytest.raises(ValueError, match=said) as raised:
        read_address(text)
    assert SECRET not in str(raised.value)
    with pytest.raises(ValueError, match=f"^metadata: .*{said}") as raised:
        load_settings({"metadata": text})
    assert SECRET not in str(raised.value) and SECRET not in str(raised.value.__cause__)


def test_it_is_no_part_of_what_decides_on_the_models():
    here, there = load_settings({}), load_settings({"metadata": "mysql://me@db/team"})
    assert here.content == there.content and there.metadata == "mysql://me@db:3306/team"


def test_a_password_is_shown_nowhere(fewshot, tmp_path):
    for words in (
        ["run", f"metadata=mysql://me:{SECRET}@db/team", "--root", str(tmp_path), "--debug"],
        ["run", f"name=mysql://me:{SECRET}@db/team", f"metadata=mysql://me:{SECRET}@db/team", "--debug"],
        ["runs", "list", "--root", f"mysql://me:{SECRET}@db/team", "--debug"],
        ["schedule", "--once", "--", "run", f"metadata=mysql://me:{SECRET}@db/team", "--debug"],
        ["compile", "--output", "x", f"metadata=mysql://me:{SECRET}@db/team", "--debug"],
    ):
        result = fewshot(*words)
        assert result.returncode == 2, words
        if "name=" not in words[1]:  # whoever writes it elsewhere sees what he wrote
            assert SECRET not in result.stdout + result.stderr, words
    assert not list(tmp_path.iterdir())
