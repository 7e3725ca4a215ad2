"""A changed line is another fingerprint; where a checkout lies is not."""

import shutil
import sys

import pytest

from components.fingerprint import code_fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules, importable."""
    folder = tmp_path / "one" / "a_package"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "work.py").write_text("answer = 42\n")
    (folder / "template.j2").write_text("<p>\n")
    monkeypatch.syspath_prepend(str(tmp_path / "one"))
    yield folder
    for name in [name for name in sys.modules if name.startswith("a_package")]:
        del sys.modules[name]


@pytest.mark.parametrize("file", ["__init__.py", "inner/work.py", "template.j2"])
def test_a_changed_line(package, file):
    before = code_fingerprint("a_package")
    assert code_fingerprint("a_package") == before
    (package / file).write_text((package / file).read_text() + "# one more\n")
    assert code_fingerprint("a_package") != before


def test_a_module_is_its_file_alone(package):
    before = code_fingerprint("a_package.inner.work")
    (package / "template.j2").write_text("another")
    assert code_fingerprint("a_package.inner.work") == before
    (package / "inner" / "work.py").write_text("answer = 43\n")
    assert code_fingerprint("a_package.inner.work") != before


def test_a_new_file_and_a_moved_one(package):
    before = code_fingerprint("a_package")
    (package / "more.py").write_text("answer = 42\n")
    more = code_fingerprint("a_package")
    (package / "more.py").rename(package / "renamed.py")
    assert len({before, more, code_fingerprint("a_package")}) == 3


def test_what_python_compiles_does_not_count(package):
    before = code_fingerprint("a_package")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "work.pyc").write_bytes(b"compiled")
    assert code_fingerprint("a_package") == before


def test_another_checkout_is_the_same(package, tmp_path, monkeypatch):
    before = code_fingerprint("a_package")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    monkeypatch.syspath_prepend(str(tmp_path / "two"))
    assert code_fingerprint("a_package") == before


def test_no_such_module():
    with pytest.raises(ModuleNotFoundError, match="cannot fingerprint 'components.none_such'"):
        code_fingerprint("components.none_such")
