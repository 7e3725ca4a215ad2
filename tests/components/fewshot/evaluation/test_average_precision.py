"""Average precision: values worked out by hand, and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.evaluation.average_precision import RECALLS, average_precision, recalls_reached


def ap(outcome: str, objects: int) -> float:
    """Of detections by falling score: `+` is right, `-` wrong, `.` left out."""
    marks = np.array([list(outcome)])
    return average_precision(np.arange(len(outcome), 0, -1.0), marks == "+", marks == "-", np.array([objects]))[0]


def test_values_by_hand():
    # Two objects; precision is 1 up to a recall of 0.5, which are 51 of the 101 recalls, then 2/3.
    assert ap("+-+", 2) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert ap("-+", 1) == 0.5
    assert ap("-++", 2) == pytest.approx(
        2 / 3
    )  # at recall 0.5 precision is 1/2, and at 1 it is 2/3, which counts for both
    assert ap("+", 3) == pytest.approx(34 / 101)  # recall 1/3 reaches 0, 0.01 ... 0.33
    assert ap("+.+", 2) == ap("+..+...", 2) == 1
    assert ap("--", 1) == ap("", 1) == 0
    assert np.isnan(ap("-", 0))


def test_several_cases_at_once_and_scores_in_any_order():
    right = np.array([[True, False, True], [False, False, True], [False, False, False]])
    found = average_precision(np.array([0.7, 0.8, 0.9]), right, ~right, np.array([2, 2, 0]))
    assert found[:2] == pytest.approx([ap("+-+", 2), ap("+--", 2)])
    assert np.isnan(found[2])


@pytest.mark.parametrize("objects", [1, 2, 3, 7, 100, 101, 250])
def test_recalls_reached_by_their_definition(objects):
    found = recalls_reached(objects)
    before = 0.0
    for number in range(1, objects + 1):
        assert found[number - 1] == ((before < RECALLS) & (number / objects >= RECALLS)).sum() + (number == 1)
        before = number / objects
    assert found.sum() == 101


ranked = st.text("+-.", max_size=30)


@given(ranked, st.integers(1, 40), st.integers(1, 5))
def test_wrong_ones_after_the_last_right_one_change_nothing(outcome, more, wrong):
    objects = outcome.count("+") + more
    assert ap(outcome + "-" * wrong, objects) == ap(outcome, objects)


@given(ranked, st.integers(0, 30))
def test_a_wrong_one_anywhere_never_helps_and_a_right_one_at_the_end_never_harms(outcome, place):
    objects = outcome.count("+") + 1
    assert ap(f"{outcome[:place]}-{outcome[place:]}", objects) <= ap(outcome, objects) + 1e-12
    assert ap(outcome + "+", objects) >= ap(outcome, objects) - 1e-12


@given(ranked, st.integers(0, 10))
def test_by_brute_force(outcome, missed):
    objects = outcome.count("+") + missed
    if not objects:
        return
    counted = outcome.replace(".", "")
    points = [
        (counted[:end].count("+") / objects, counted[:end].count("+") / end) for end in range(1, len(counted) + 1)
    ]
    best = [max((precision for recall, precision in points if recall >= least), default=0) for least in RECALLS]
    assert ap(outcome, objects) == pytest.approx(np.mean(best))
