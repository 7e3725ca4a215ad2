"""A disk that is full or cannot be written, and the errors by which libraries say so."""

import errno
import os
import resource
import signal
import sqlite3
import tempfile
from contextlib import contextmanager

import ml_metadata as mlmd
import pytest
import tensorflow as tf

from pipeline.commands import disk
from pipeline.commands.disk import check_disk, full_place
from pipeline.history.database import RootError


@contextmanager
def largest_file(size):
    """Files can be no larger than `size` bytes, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_good_disk_is_left_as_it_was(tmp_path):
    check_disk(str(tmp_path / "new" / "root"))
    assert os.listdir(tmp_path / "new" / "root") == []


def test_no_space_for_anything(tmp_path):
    with (
        largest_file(1000),
        pytest.raises(RootError, match=f"the disk of {tmp_path} is full .* run the same command again"),
    ):
        check_disk(str(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_root_that_cannot_be_written(tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(disk.tempfile, "TemporaryFile", refuse)
    with pytest.raises(RootError, match=f"^{tmp_path} cannot be written .* choose another --root$") as error:
        check_disk(str(tmp_path))
    assert "Errno" not in str(error.value)


def test_a_root_where_no_folder_can_be():
    with pytest.raises(RootError, match="/proc/fewshot cannot be written"):
        check_disk("/proc/fewshot")


def wrapped(error):
    """As Beam and TFX do it."""
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("Executor failed") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        tf.errors.ResourceExhaustedError(None, None, "{root}/artifacts/x/1/data; No space left on device"),
        mlmd.errors.InternalError("Error when executing query: database or disk is full query: INSERT INTO ..."),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("OSError: [Errno 28] No space left on device [while running 'Write']"),
    ],
)
def test_libraries_say_it_in_many_ways(tmp_path, error):
    root = str(tmp_path)
    error.args = tuple(str(part).format(root=root) if isinstance(part, str) else part for part in error.args)
    for raised in (error, wrapped(error)):
        assert full_place(raised, [root]).startswith(root)


def test_the_path_that_an_error_names_is_told(tmp_path):
    elsewhere = tmp_path / "served"
    named = OSError(errno.ENOSPC, "No space left on device", str(elsewhere / "1" / "saved_model.pb"))
    assert full_place(wrapped(named), [str(tmp_path / "root"), str(elsewhere)]) == str(
        elsewhere / "1" / "saved_model.pb"
    )
    said = tf.errors.ResourceExhaustedError(None, None, f"{elsewhere}/1/variables; No space left on device")
    elsewhere.mkdir()
    (elsewhere / "1").mkdir()
    assert full_place(said, [str(tmp_path / "root"), str(elsewhere)]) == f"{elsewhere}/1/variables"


def test_without_a_path_it_is_the_fullest_disk(tmp_path, monkeypatch):
    free = {str(tmp_path): 10**9, tempfile.gettempdir(): 0}
    usage = disk.shutil.disk_usage
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: usage(path)._replace(free=free[str(path)]))
    error = OSError(errno.ENOSPC, "No space left on device")
    assert full_place(error, [str(tmp_path), tempfile.gettempdir()]) == tempfile.gettempdir()


def test_other_errors_are_others(tmp_path):
    for error in (
        ValueError("shot: expected at most 5"),
        OSError(errno.ENOENT, "No such file", "x"),
        KeyError("image"),
    ):
        assert full_place(wrapped(error), [str(tmp_path)]) is None
