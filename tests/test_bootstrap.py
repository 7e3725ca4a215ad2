"""What `make` does where there is no uv: which index, which wheel, and that a wrong one is not taken."""

import hashlib
import importlib.util
import io
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def index(tmp_path, monkeypatch):
    """The module, in a place of its own."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("index", ROOT / ".bootstrap" / "index.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOCK", ROOT / "uv.lock")
    monkeypatch.setattr(module, "HOME", tmp_path)
    monkeypatch.setattr(module, "CONFIG", tmp_path / ".config")
    monkeypatch.chdir(tmp_path)
    return module


def test_the_wheel_of_the_lock_file(index):
    url, sha = index.locked_wheel()
    assert url.rpartition("/")[2].startswith("uv-") and url.endswith(".whl") and len(sha) == 64


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_the_index_of_the_environment(index, monkeypatch, name):
    monkeypatch.setenv(name, "https://index.example/simple")
    assert index.configured_index() == "https://index.example/simple"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("uv/uv.toml", '[[index]]\nurl = "https://index.example/simple"\ndefault = true\n'),
        ("uv/uv.toml", 'index-url = "https://index.example/simple"\n'),
        ("pip/pip.conf", "[global]\nindex-url = https://index.example/simple\n"),
    ],
)
def test_the_index_of_a_file(index, tmp_path, file, content):
    path = tmp_path / ".config" / file
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert index.configured_index() == "https://index.example/simple"


def test_where_an_index_has_the_wheel(index, monkeypatch):
    page = b'<a href="/other.whl">o</a> <a href="../../files/uv-1.whl#sha256=0">uv</a>'
    monkeypatch.setattr(index, "download", lambda url: page)
    found = index.wheel_address("https://index.example/simple", "https://elsewhere.example/uv-1.whl")
    assert found == "https://index.example/files/uv-1.whl#sha256=0"
    assert index.wheel_address("", "https://elsewhere.example/uv-1.whl") == "https://elsewhere.example/uv-1.whl"


def test_a_wheel_that_is_not_the_locked_one(index, tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "#!/bin/sh\n")
    wheel = buffer.getvalue()
    monkeypatch.setattr(index, "configured_index", lambda: "")
    monkeypatch.setattr(index, "download", lambda url: wheel)
    with pytest.raises(SystemExit, match="not the one of uv.lock"):
        index.fetch_uv()
    assert not (tmp_path / ".uv").exists()
    monkeypatch.setattr(
        index, "locked_wheel", lambda: ("https://i.example/uv-1.whl", hashlib.sha256(wheel).hexdigest())
    )
    index.fetch_uv()
    assert (tmp_path / ".uv" / "bin" / "uv").stat().st_mode & 0o111
