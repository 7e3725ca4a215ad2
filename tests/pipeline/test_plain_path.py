import os

import pytest

from pipeline import plain_path as module
from pipeline.plain_path import as_named, plain_path


@pytest.fixture(autouse=True)
def _caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))


def test_a_plain_path_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plain_path("runs (v2)") == str(tmp_path / "runs (v2)")
    assert not (tmp_path / "runs (v2)").exists() and not (tmp_path / "caches").exists()
    assert as_named(str(tmp_path / "runs" / "report.html"), "runs") == str(tmp_path / "runs" / "report.html")


@pytest.mark.parametrize("name", ["run [v2]", "run*", "why?", "back\\slash", "of [v2]/runs"])
def test_signs_of_a_pattern_are_hidden_by_a_link(tmp_path, name):
    link = plain_path(str(tmp_path / name))
    assert not set(link) & set("*?[\\") and os.path.realpath(link) == str(tmp_path / name)
    assert plain_path(str(tmp_path / name) + "/") == link  # the next run finds what this one made
    assert plain_path(str(tmp_path / "other [v2]")) != link
    (tmp_path / name / "report.html").write_text("report")
    assert os.path.exists(f"{link}/report.html")
    assert as_named(f"{link}/report.html", str(tmp_path / name)) == str(tmp_path / name / "report.html")
    assert as_named("/elsewhere/model", str(tmp_path / name)) == "/elsewhere/model"


def test_where_the_caches_cannot_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches [mine]"))
    assert plain_path(str(tmp_path / "run [v2]")).startswith(str(tmp_path / "temporary"))
    (tmp_path / "blocked").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    assert plain_path(str(tmp_path / "run [v2]")).startswith(str(tmp_path / "temporary"))
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path / "blocked"))
    with pytest.raises(ValueError, match=r"TFX reads .* in a path as a pattern, and no link to it can be made"):
        plain_path(str(tmp_path / "run [v2]"))


def test_a_link_of_another_place_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    link = plain_path(str(tmp_path / "run [v2]"))
    os.remove(link)
    os.symlink(tmp_path, link)
    assert os.path.realpath(plain_path(str(tmp_path / "run [v2]"))) == str(tmp_path / "run [v2]")


def test_tfx_finds_files_by_the_link_alone(tmp_path):
    from tfx.dsl.io import fileio
    from tfx.utils import io_utils

    directory = str(tmp_path / "run [v2]")
    link = plain_path(directory)
    (tmp_path / "run [v2]" / "data").write_text("examples")
    assert fileio.glob(io_utils.all_files_pattern(directory)) == []
    assert fileio.glob(io_utils.all_files_pattern(link)) == [f"{link}/data"]


def test_a_run_takes_its_root_by_the_link(tmp_path, monkeypatch):
    from pipeline.commands import run

    def stop(root: str) -> None:
        raise ValueError(root)

    monkeypatch.setattr(run, "check_disk", stop)
    with pytest.raises(ValueError) as error:
        run.run(None, str(tmp_path / "run [v2]"), print)
    assert str(error.value) == plain_path(str(tmp_path / "run [v2]")) != str(tmp_path / "run [v2]")
