"""Pieces of files: the same bytes wherever a file lies, and no more of it in memory than is asked for."""

import os
import uuid

import pytest
import tensorflow as tf
from cachetools import LRUCache, cached
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot import pieces
from components.fewshot.pieces import pieces_of

CONTENT = os.urandom(1000)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same bytes here and elsewhere."""
    paths = [str(tmp_path_factory.mktemp("file") / "a"), f"ram://{uuid.uuid4().hex}"]
    for path in paths:
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(CONTENT)
    return [pieces_of(path) for path in paths]


@pytest.fixture(scope="module", autouse=True)
def _small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "BLOCK", 64)
        yield


@given(start=st.integers(0, 1100), length=st.integers(0, 1100))
@settings(deadline=None, max_examples=200)
def test_a_piece_is_what_stands_there(files, start, length):
    assert [file.piece(start, length) for file in files] == [CONTENT[start : start + length]] * 2


def test_the_size_is_known(files, tmp_path):
    assert [file.size for file in files] == [1000, 1000]
    (tmp_path / "empty").touch()
    assert pieces_of(str(tmp_path / "empty")).size == 0 and pieces_of(str(tmp_path / "empty")).piece(0, 5) == b""


def test_only_the_blocks_that_are_needed_are_fetched_and_each_once(monkeypatch):
    path, fetched, opened = f"ram://{uuid.uuid4().hex}", [], tf.io.gfile.GFile

    class Counted(opened):
        def seek(self, offset):
            fetched.append(offset // 64)
            super().seek(offset)

    with opened(path, "wb") as file:
        file.write(CONTENT)
    monkeypatch.setattr(tf.io.gfile, "GFile", Counted)
    file = pieces_of(path)
    assert file.piece(60, 10) == CONTENT[60:70] and fetched == [0, 1]
    assert file.piece(0, 128) == CONTENT[:128] and fetched == [0, 1]
    assert file.piece(990, 50) == CONTENT[990:] and fetched == [0, 1, 15]


def test_what_is_written_again_in_its_place_is_read_anew():
    path = f"ram://{uuid.uuid4().hex}"
    for content in (CONTENT, CONTENT[::-1] + b"more"):
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(content)
        assert pieces_of(path).piece(0, 2000) == content
        tf.io.gfile.remove(path)  # in memory, writing would add to it


def test_memory_is_bounded(monkeypatch):
    path, blocks = f"ram://{uuid.uuid4().hex}", LRUCache(128, getsizeof=len)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(CONTENT)
    assert pieces._block.cache.maxsize == pieces.KEPT and pieces._block.cache.getsizeof(b"12345") == 5
    monkeypatch.setattr(pieces, "_block", cached(blocks)(pieces._block.__wrapped__))
    assert pieces_of(path).piece(0, 1000) == CONTENT and blocks.currsize == 64 + 40


@pytest.mark.parametrize("path", ["/nowhere/a", "ram://nowhere/a"])
def test_no_such_file(path):
    with pytest.raises((OSError, tf.errors.NotFoundError)):
        pieces_of(path)
