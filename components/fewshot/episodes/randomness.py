"""Random numbers that are the same on every machine and with every version of numpy."""

from collections.abc import Iterator
from itertools import islice

import numpy as np


class Random:
    """Unbiased integers from Philox's raw 64-bit stream with the key (seed, number). Numpy's distributions may change
    between versions; this stream may not (NEP 19)."""

    def __init__(self, seed: int, number: int) -> None:
        if not (0 <= seed < 2**63 and 0 <= number < 2**63):
            raise ValueError(f"seed and episode number: expected 0 to 2**63-1, got {seed} and {number}")
        key = np.array([seed, number], np.uint64)
        self._bits = np.random.Philox(key=key)

    def below(self, n: int) -> int:
        """A number in 0..n-1; numbers beyond a multiple of n are rejected, so all are equally likely."""
        limit = 2**64 - 2**64 % n
        while (value := int(self._bits.random_raw())) >= limit:
            pass
        return value % n

    def between(self, low: int, high: int) -> int:
        """A number in low..high; a single choice draws nothing."""
        return low if low == high else low + self.below(high - low + 1)

    def choose(self, n: int, k: int) -> np.ndarray:
        """`k` different numbers of 0..n-1 in random order."""
        return np.fromiter(islice(self.walk(n), k), np.int64, k)

    def walk(self, n: int) -> Iterator[int]:
        """The numbers 0..n-1 in random order, as they are asked for: a Fisher-Yates shuffle in so much memory as was taken."""
        moved: dict[int, int] = {}
        for i in range(n):
            j = i + self.below(n - i)
            yield moved.get(j, j)
            moved[j] = moved.get(i, i)


def shuffled(n: int, seed: int, number: int) -> np.ndarray:
    """The numbers 0..n-1 in a random order, int64 [n], by the key (seed, number). No key of a `Random` is the same."""
    stream = np.random.Philox(key=np.array([seed, 2**63 + number], np.uint64))
    return np.argsort(stream.random_raw(n), kind="stable")
