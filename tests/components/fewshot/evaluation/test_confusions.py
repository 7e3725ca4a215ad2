"""Confused pairs: by hand, with what a few queries cannot prove, and the same in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.fewshot.evaluation.confusions import PAIRS, Together, confusions, least_share
from components.fewshot.evaluation.results import score


def judged(index, names, labels, predicted):
    """An episode whose queries [Q] of `labels` were predicted as `predicted`."""
    probabilities = np.eye(len(names), dtype=np.float32)[list(predicted)]
    return score(index, 1, probabilities, np.array(labels), [(name, "d") for name in names])


# cat and dog meet twice, in 4 + 4 queries; of cat 2 and 1 are taken for dog, of dog 1; bird meets both once.
RESULTS = [
    judged(0, ["cat", "dog"], [0, 0, 1, 1], [1, 1, 1, 0]),
    judged(1, ["bird", "dog", "cat"], [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 2]),
]


def test_pairs_and_matrix_by_hand():
    found = confusions(RESULTS)
    assert found["pairs"] == [
        {"classes": ["cat", "dog"], "share": 0.5, "confused": 4, "queries": 8, "episodes": 2},
    ]
    assert found["classes"] == ["cat", "dog"]
    assert found["matrix"] == [[None, 0.75], [0.25, None]]


def test_a_pair_in_few_queries_does_not_come_first():
    """Both queries of one pair are confused, and 30 of 40 of the other: the first has the higher share, and proves less."""
    few = judged(0, ["a", "b"], [0, 1], [1, 0])
    many = [judged(i, ["c", "d"], [0, 0, 1, 1], [1, 1, 1, 0]) for i in range(1, 11)]
    assert [pair["classes"] for pair in confusions([few, *many])["pairs"]] == [["c", "d"], ["a", "b"]]


@given(st.integers(1, 5000), st.floats(0, 1))
def test_the_bound_is_scipys(queries, share):
    confused = round(share * queries)
    expected = stats.binomtest(confused, queries).proportion_ci(0.95, "wilson").low
    pair = {"share": confused / queries, "queries": queries}
    assert least_share(pair) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_class_and_the_same_class_turned_are_no_pair():
    assert confusions([judged(0, ["a", "a"], [0, 1], [1, 0])])["pairs"] == []


def test_nothing_confused():
    assert confusions([judged(0, ["a", "b"], [0, 1], [0, 1])]) == {"pairs": [], "classes": [], "matrix": []}


def test_pairs_that_never_met_have_no_share():
    results = [judged(0, ["a", "b"], [0, 1], [1, 0]), judged(1, ["c", "d"], [0, 1], [1, 0])]
    found = confusions(results)
    assert found["classes"] == ["a", "b", "c", "d"]
    assert found["matrix"][0] == [None, 1.0, None, None]


episodes = st.lists(
    st.tuples(
        st.permutations("abcdef"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=9)
    ),
    min_size=1,
    max_size=6,
)


@given(episodes, st.randoms())
def test_every_wrong_query_is_counted_once_and_in_any_order(drawn, random):
    results = [
        judged(i, names[:3], *zip(*((0, 0), (1, 1), (2, 2), *pairs), strict=True))
        for i, (names, pairs) in enumerate(drawn)
    ]
    together = Together(results)
    assert sum(together.taken.values()) == sum(result.queries - result.correct for result in results)
    found = confusions(results)
    assert len(found["pairs"]) <= PAIRS and all(0 < pair["share"] <= 1 for pair in found["pairs"])
    assert {name for pair in found["pairs"] for name in pair["classes"]} >= set(found["classes"])
    random.shuffle(results)
    assert confusions(results) == found


def test_the_share_of_a_pair_is_that_of_both_directions():
    pair = Together(RESULTS).pair("cat", "dog")
    assert pair["share"] == pytest.approx((3 + 1) / (4 + 4))
