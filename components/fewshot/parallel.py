"""Work on all cores, in order and with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

BATCH = 32  # images that go through a network at once: on a CPU larger batches are slower

Item = TypeVar("Item")
Result = TypeVar("Result")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields lists of `size` items, the last of what is left; `itertools.batched` of later versions of Python."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None) -> Iterator[Result]:
    """Yields `work` of each item, in their order.

    It is for work that TensorFlow does, outside Python's lock: one batch of a network leaves part of the cores idle.

    Args:
      ahead: how many are in work, or done and not yet taken; by default as many as there are cores.
    """
    cores, left = os.cpu_count() or 1, iter(items)
    with ThreadPoolExecutor(cores) as pool:
        begun = deque(pool.submit(work, item) for item in islice(left, ahead or cores))
        try:
            while begun:
                yield begun.popleft().result()
                begun.extend(pool.submit(work, item) for item in islice(left, 1))
        finally:
            for one in begun:
                one.cancel()
