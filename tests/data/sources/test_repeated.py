"""What comes twice is found, and nothing else."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from data.sources.repeated import repeated


def test_worked_out_by_hand():
    assert repeated([]) == set() and repeated([7]) == set()
    assert repeated(iter([7, -1, 7, 3, 7, -1])) == {7, -1}


@given(st.lists(st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1)))
def test_it_is_what_counting_says(numbers):
    assert repeated(numbers) == {number for number, count in Counter(numbers).items() if count > 1}
