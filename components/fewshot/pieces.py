"""Pieces of large files. A local file is mapped into memory; of a remote one, blocks are fetched as they are needed, and kept in
memory up to a limit, so that nothing is copied as a whole."""

import os
import threading
from typing import Protocol

import numpy as np
import tensorflow as tf
from cachetools import LRUCache, cached

BLOCK = 2**20  # bytes; a request to a bucket takes as long as it takes to send so many
KEPT = 512 * 2**20  # bytes of blocks in a process


class Pieces(Protocol):
    """A file of which pieces can be read, by several threads."""

    size: int  # bytes

    def piece(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends."""


def pieces_of(path: str) -> Pieces:
    """The file at a path.

    Raises:
      FileNotFoundError, or another error of the file system: it cannot be opened.
    """
    return Remote(path) if "://" in path else Mapped(path)


class Mapped:
    """A file of this machine."""

    def __init__(self, path: str) -> None:
        self.size = os.path.getsize(path)
        self._bytes = np.memmap(path, np.uint8, "r") if self.size else np.zeros(0, np.uint8)

    def piece(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        return self._bytes[start : start + length].tobytes()


class Remote:
    """A file elsewhere."""

    def __init__(self, path: str) -> None:
        status = tf.io.gfile.stat(path)
        self._path, self.size = path, int(status.length)
        self._version = f"{self.size} {status.mtime_nsec}"  # what is written again in its place has other blocks

    def piece(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        end = min(start + length, self.size)
        blocks = [_block(self._path, self._version, number) for number in range(start // BLOCK, -(-end // BLOCK))]
        offset = start // BLOCK * BLOCK
        return b"".join(blocks)[start - offset : max(end - offset, 0)]


@cached(LRUCache(KEPT, getsizeof=len), lock=threading.Lock())  # held while looking, not while fetching
def _block(path: str, version: str, number: int) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        file.seek(number * BLOCK)
        return bytes(file.read(BLOCK))
