"""Metrics: values by hand, definitions by brute force, and the same digits in any order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.evaluation.metrics import (
    auroc,
    expected_calibration_error,
    mean_and_ci95,
    none_of_these,
    paired_difference,
    summarise,
)
from components.fewshot.evaluation.results import BINS, from_json, score, to_json

# Three classes; queries of class 0, 0, 1, 2: right, wrong, right, wrong.
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.0, 1.0, 0.0], [0.7, 0.2, 0.1]], np.float32)
LABELS = np.array([0, 0, 1, 2])
CLASSES = [("A", "Latin"), ("Alpha", "Greek"), ("B", "Latin")]


def result_of(correct: list[bool], index: int = 0, shot: int = 1, way: int = 2):
    """An episode in which the given queries, all of class 0, are classified correctly."""
    rest = [0.0] * (way - 2)
    probabilities = np.array([[0.75, 0.25, *rest] if right else [0.25, 0.75, *rest] for right in correct], np.float32)
    return score(index, shot, probabilities, np.zeros(len(correct), int), [(f"c{index + i}", "d") for i in range(way)])


def test_one_episode_by_hand():
    result = score(7, 1, PROBABILITIES, LABELS, CLASSES)
    assert (result.index, result.way, result.shot, result.queries, result.correct) == (7, 3, 1, 4, 2)
    assert result.accuracy == 0.5
    assert result.log_loss == pytest.approx(-(math.log(0.5) + math.log(0.1) + 0 + math.log(0.1)) / 4, rel=1e-6)
    assert result.classes == (("A", "Latin", 2, 1), ("Alpha", "Greek", 1, 1), ("B", "Latin", 1, 0))
    assert result.names == {"A", "Alpha", "B"}
    filled = {place: (one.count, one.correct) for place, one in enumerate(result.bins) if one.count}
    assert filled == {7: (1, 1), 10: (1, 0), 12: (1, 0), 14: (1, 1)}  # 0.5, 0.7, 0.8, 1.0 by fifteenths
    assert result.known_scores == ()
    assert result.confused == ((0, 1, 1), (2, 0, 1))


def test_a_probability_of_zero_is_not_an_infinite_loss():
    result = score(0, 1, np.array([[0.0, 1.0]], np.float32), np.array([0]), [("a", "d"), ("b", "d")])
    assert result.log_loss == pytest.approx(-math.log(1e-7))


def test_distractors_count_for_their_scores_alone():
    labels = np.array([0, -1, 1, -1])
    result = score(0, 1, PROBABILITIES, labels, CLASSES)
    assert result.queries == 2 and result.correct == 2
    assert result.known_scores == (0.5, 1.0)
    assert result.unknown_scores == pytest.approx((0.8, 0.7))
    # known 0.5 beats none, known 1.0 beats both
    assert summarise([result])["distractor_auroc"] == 0.5
    assert "distractor_auroc" not in summarise([score(0, 1, PROBABILITIES, LABELS, CLASSES)])


def test_familiarity_decides_what_is_none_of_these():
    """Known queries have familiarity 3 and 1, strangers 2 and 0; below 1.5 are one of each."""
    labels, familiarity = np.array([0, -1, 1, -1]), np.array([3.0, 2.0, 1.0, 0.0], np.float32)
    result = score(0, 1, PROBABILITIES, labels, CLASSES, familiarity)
    assert (result.known_scores, result.unknown_scores) == ((3.0, 1.0), (2.0, 0.0))
    found = none_of_these([result, from_json(to_json(result))], 1.5)
    assert found == {"threshold": 1.5, "false_alarms": 0.5, "caught": 0.5, "auroc": 0.75, "episodes": 2}
    assert none_of_these([score(0, 1, PROBABILITIES, LABELS, CLASSES)], 1.5) is None


def test_mean_and_interval_by_hand():
    mean, half = mean_and_ci95([0.2, 0.4, 0.6])
    assert mean == pytest.approx(0.4)
    assert half == pytest.approx(1.96 * 0.2 / math.sqrt(3))  # standard deviation 0.2
    assert mean_and_ci95([0.7]) == (0.7, 0.0)


def test_calibration_by_hand():
    result = score(0, 1, PROBABILITIES, LABELS, CLASSES)
    # gaps of the four bins of one query each: |.5-1|, |.7-0|, |.8-0|, |1-1|
    assert summarise([result])["ece"] == pytest.approx((0.5 + 0.7 + 0.8 + 0.0) / 4, rel=1e-6)
    perfect = [{"count": 10, "confidence": 0.3, "accuracy": 0.3}]
    assert expected_calibration_error(perfect) == 0


def test_a_summary_by_hand():
    results = [
        result_of([True, True], 0, shot=1),
        result_of([True, False], 1, shot=5),
        result_of([False, False], 2, shot=5, way=3),
    ]
    found = summarise(results)
    assert found["accuracy"] == 0.5 and found["episodes"] == 3
    assert found["by_shot"]["1"] == {"accuracy": 1.0, "ci95": 0.0, "episodes": 1}
    assert found["by_shot"]["5"]["accuracy"] == 0.25
    assert found["by_way"].keys() == {"2", "3"}
    assert found["histogram"][0] == 1 and found["histogram"][10] == 1 and found["histogram"][19] == 1
    assert sum(found["histogram"]) == 3
    assert found["worst_domain"] == {"domain": "d", "accuracy": 0.5, "queries": 6, "episodes": 3}
    assert found["classes"] == 5 and found["over_classes"] is None, "one episode has three of the five"
    assert summarise([*results[:2], result_of([True], 2)])["over_classes"]["classes"] == 4
    assert sum(row["count"] for row in found["reliability"]) == 6 and len(found["reliability"]) == BINS


def test_domains_worst_first():
    results = [score(i, 1, PROBABILITIES, LABELS, CLASSES) for i in range(2)]
    assert [(row["domain"], row["queries"]) for row in summarise(results)["by_domain"]] == [("Latin", 6), ("Greek", 2)]


def test_nothing_to_summarise():
    with pytest.raises(ValueError, match="no episode was judged"):
        summarise([])


def test_paired_difference_by_hand():
    ours = [result_of([True, True], 0), result_of([True, False], 1), result_of([True, True], 2)]
    theirs = [result_of([True, False], 0), result_of([True, False], 1), result_of([False, False], 2)]
    found = paired_difference(ours, theirs[::-1])  # differences 1/2, 0, 1
    assert found["mean"] == pytest.approx(0.5) and found["ci95"] == pytest.approx(1.96 * 0.5 / math.sqrt(3))
    assert found["over_classes"]["low"] < 0.5 < found["over_classes"]["high"]
    with pytest.raises(ValueError, match="same episodes, got 3 and 2, 2 shared"):
        paired_difference(ours, theirs[:2])


scores = st.lists(st.integers(0, 6).map(lambda n: n / 6), min_size=1, max_size=20)


@given(scores, scores)
def test_auroc_by_brute_force(known, unknown):
    wins = [1.0 if k > u else 0.5 if k == u else 0.0 for k in known for u in unknown]
    assert auroc(known, unknown) == pytest.approx(sum(wins) / len(wins))


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=2, max_size=12), st.randoms())
def test_any_order_gives_the_same_digits(episodes, random):
    results = [result_of(correct, i, shot=1 + i % 2) for i, correct in enumerate(episodes)]
    shuffled = random.sample(results, len(results))
    assert summarise(shuffled) == summarise(results)


@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(1, 30), st.booleans())
def test_json_and_back_to_the_last_digit(seed, way, queries, distractors):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(way), queries).astype(np.float32)
    labels = rng.integers(0, way, queries)
    if distractors and queries > 1:
        labels[0] = -1
    result = score(3, 2, probabilities, labels, [(f"c{i}", f"d{i % 2}") for i in range(way)])
    assert from_json(to_json(result)) == result
    assert result.correct == int((probabilities.argmax(1) == labels)[labels >= 0].sum())
    assert result.queries == (labels >= 0).sum()


def test_probabilities_that_are_none():
    with pytest.raises(ValueError, match="episode 3: expected probabilities, got some that are not finite"):
        score(3, 1, np.array([[np.nan, 0.5]], np.float32), np.array([0]), ["a", "b"])
