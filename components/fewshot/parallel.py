"""Work on all cores, in order and with bounded memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields `work` of each item, in their order.

    As many are in work, or done and not yet taken, as there are cores. It is for work that TensorFlow does, outside Python's
    lock: one batch of a network leaves part of the cores idle.
    """
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        for start in range(0, len(items), cores):
            yield from pool.map(work, items[start : start + cores])
