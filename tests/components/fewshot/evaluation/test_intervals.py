"""Intervals over classes: by hand, against a plain loop, and their promise in a simulation of its own."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.fewshot.evaluation.intervals import (
    Jackknife,
    accuracy_over_classes,
    cannot_tell,
    difference_over_classes,
    jackknife,
)


def sets(*names: str) -> list[frozenset[str]]:
    """Each letter is a class."""
    return [frozenset(of) for of in names]


PAIRS = sets("ab", "cd", "ac")


def test_the_jackknife_by_hand():
    """0.3, 0.6 and 0.9. Without a only cd is left, without b cd and ac, without c ab, without d ab and ac: 0.6, 0.75, 0.3 and
    0.6. Their mean is 0.5625, and the variance 3/4 of the sum of squares around it, 0.106875 * 3/4 = 0.08015625. By number
    alone: the variance of the mean is 0.03, of which a mean over 1 and 2 of 3 episodes has 2 and 1/2 more, so
    3/4 (2 + 1/2 + 2 + 1/2) = 3.75 times 0.03, less the mean's own 0.03: 0.0825. More than there is, so the mean's own 0.03
    is due, 0.374 of it; and half of the rest is left in."""
    found = jackknife([0.3, 0.6, 0.9], PAIRS)
    assert found.mean == pytest.approx(0.6)
    np.testing.assert_allclose(found.without, [0.6, 0.75, 0.3, 0.6])
    assert found.share == pytest.approx((1 + 0.03 / 0.08015625) / 2)


def test_a_difference_by_hand():
    """Student's 97.5 % point with 3 degrees of freedom is 3.1824; with the 1.43 of the smaller share it is far higher, so
    the whole variance is taken."""
    found = difference_over_classes([0.3, 0.6, 0.9], PAIRS)
    half = 3.182446305284263 * math.sqrt(0.08015625)
    assert found == {"low": pytest.approx(0.6 - half), "high": pytest.approx(0.6 + half), "classes": 4}


def test_with_many_classes_only_their_own_part_counts():
    """101 classes of which half the variance is their own: 100 / 4 degrees of freedom, with a point of 2.0595."""
    found = Jackknife(0.5, np.linspace(0.49, 0.51, 101), 0.5)
    variance = 100 / 101 * ((found.without - 0.5) ** 2).sum()
    assert found.half_width(found.without) == pytest.approx(2.0595385 * math.sqrt(variance / 2), rel=1e-6)


def test_an_accuracy_by_hand():
    """The same on the scale of log-odds: ln 1.5, ln 3, ln(3/7) and ln 1.5."""
    odds = np.log([1.5, 3, 3 / 7, 1.5])
    half = 3.182446305284263 * math.sqrt(3 / 4 * ((odds - odds.mean()) ** 2).sum())
    found = accuracy_over_classes([0.3, 0.6, 0.9], PAIRS)
    low, high = (1 / (1 + math.exp(-(math.log(1.5) + side * half))) for side in (-1, 1))
    assert found["low"] == pytest.approx(low) and found["high"] == pytest.approx(high)


@pytest.mark.parametrize("names", [sets("abc", "abc"), sets("ab", "ac", "bc"), sets("ab", "ac", "ad"), sets("ab")])
def test_classes_that_cannot_tell(names):
    """Five classes at 5-way are one set of classes, and of three classes any two pairs share one."""
    assert accuracy_over_classes([0.5] * len(names), names) is None
    assert difference_over_classes([0.5] * len(names), names) is None
    assert "5 test classes at 5-way" in cannot_tell(5, 5) and "(5 or more)" in cannot_tell(5, 5)


@pytest.mark.parametrize(("value", "bounds"), [(1.0, (0.025 ** (1 / 4), 1.0)), (0.0, (0.0, 1 - 0.025 ** (1 / 4)))])
def test_all_right_is_no_certainty(value, bounds):
    """Four classes without a mistake: one of thirty may still be hard (Clopper and Pearson's bound for 4 of 4)."""
    names = sets("ab", "cd", "ac", "bd")
    found = accuracy_over_classes([value] * 4, names)
    assert (found["low"], found["high"]) == pytest.approx(bounds)
    exact = stats.binomtest(int(4 * value), 4).proportion_ci(0.95, "exact")
    assert (found["low"], found["high"]) == pytest.approx((exact.low, exact.high))


episodes = st.lists(
    st.tuples(st.floats(0, 1), st.frozensets(st.sampled_from("abcdefgh"), min_size=2, max_size=3)),
    min_size=4,
    max_size=30,
)


@given(episodes)
def test_against_a_loop(drawn):
    values, names = [value for value, _ in drawn], [of for _, of in drawn]
    classes = sorted(frozenset().union(*names))
    left = [[v for v, of in drawn if name not in of] for name in classes]
    found = jackknife(values, names)
    if any(not of for of in left) or len(classes) < 2 * max(map(len, names)):
        assert found is None
        return
    without = np.array([np.mean(of) for of in left])
    np.testing.assert_allclose(found.without, without, atol=1e-12)
    assert 0 < found.share <= 1


@given(episodes, st.randoms(use_true_random=False))
def test_the_order_of_classes_does_not_matter(drawn, random):
    names = dict(zip("abcdefgh", random.sample("stuvwxyz", 8), strict=True))
    there = difference_over_classes([v for v, _ in drawn], [of for _, of in drawn])
    here = difference_over_classes([v for v, _ in drawn], [frozenset(names[c] for c in of) for _, of in drawn])
    assert (here is None) == (there is None)
    assert here is None or here["low"] == pytest.approx(there["low"], abs=1e-12)


@given(episodes)
def test_bounds_of_an_accuracy_are_accuracies(drawn):
    found = accuracy_over_classes([v for v, _ in drawn], [of for _, of in drawn])
    assert found is None or 0 <= found["low"] <= math.fsum(v for v, _ in drawn) / len(drawn) <= found["high"] <= 1


def test_episodes_that_are_all_alike():
    """Rounding must not put the mean outside of an interval without width."""
    for value in (0.1, 0.3, 0.7, 11 / 12):
        found = accuracy_over_classes([value] * 4, sets("ab", "cd", "ac", "bd"))
        assert found["low"] <= value <= found["high"] and found["high"] - found["low"] < 1e-12


def test_more_episodes_do_not_narrow_it():
    """Twenty classes, each right or wrong by its own share: past some number of episodes the interval stays as it is, while
    the one over episodes shrinks to nothing."""
    widths = {}
    for number in (500, 8000):
        rng = np.random.default_rng(0)
        skill = dict(zip("abcdefghijklmnopqrst", rng.beta(8, 2, 20), strict=True))
        names = [frozenset(rng.choice(list(skill), 5, replace=False)) for _ in range(number)]
        values = [float(np.mean([skill[name] for name in sorted(of)])) for of in names]
        found = difference_over_classes(values, names)
        widths[number] = found["high"] - found["low"]
    assert widths[8000] == pytest.approx(widths[500], rel=0.15)


@pytest.mark.parametrize("count", [10, 20])
def test_it_holds_the_truth_as_often_as_it_says(count):
    """A class has its own skill, and an episode is the mean of its classes: 95 % of such intervals hold the mean of all
    classes there could be. (`benchmarks/intervals.py` does the same with learners on images.)"""
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):
        skill = rng.beta(8, 2, count)
        drawn = [rng.choice(count, 5, replace=False) for _ in range(150)]
        values = [float(rng.binomial(75, skill[of].mean()) / 75) for of in drawn]
        found = accuracy_over_classes(values, [frozenset(map(str, of)) for of in drawn])
        held += found["low"] <= 0.8 <= found["high"]
    assert 0.92 <= held / 300 <= 0.99
