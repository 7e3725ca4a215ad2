"""Parallel work: every item once, in order, and errors reach the caller."""

import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.parallel import batched, in_parallel


@given(st.lists(st.integers(), max_size=20))
def test_it_is_map(items):
    assert list(in_parallel(lambda item: item + 1, items)) == [item + 1 for item in items]


def test_no_more_than_the_cores_are_in_work():
    lock, at_once, most = threading.Lock(), [0], [0]

    def work(item):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        with lock:
            at_once[0] -= 1
        return item

    assert list(in_parallel(work, range(50))) == list(range(50))
    assert most[0] == (os.cpu_count() or 1)


def test_an_error_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda item: 1 // item, [1, 0]))


@given(st.lists(st.integers(), max_size=20), st.integers(1, 6))
def test_batches(items, size):
    found = list(batched(iter(items), size))
    assert [item for some in found for item in some] == items
    assert all(len(some) == size for some in found[:-1]) and all(found)
