"""The metrics of a detector over many episodes: by hand, and the same digits in any order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.evaluation.detection_metrics import summarise
from components.fewshot.evaluation.detections import FINE, ClassFound, DetectionResult, Proposed
from components.fewshot.evaluation.metrics import paired_difference
from components.fewshot.evaluation.results import BINS, Bin, score


def bins_of(scores, right):
    """Bins of scores that are multiples of 1/60, each in the middle of its bin."""
    rows = [[0, 0.0, 0] for _ in range(FINE * BINS)]
    for one, hit in zip(scores, right, strict=True):
        row = rows[int(one * 60)]
        row[0], row[1], row[2] = row[0] + 1, row[1] + one, row[2] + hit
    return tuple(Bin(*row) for row in rows)


def result_of(index, ap50, shot=1, names=("a", "b"), small=None, proposed=None):
    """Ten images with four objects of two classes, of which two are shown, with five wrong detections."""
    found = [ClassFound(name, f"domain {name}", 2, 1, ap) for name, ap in zip(names, ap50, strict=True)]
    bins = bins_of([0.8, 0.8, 0.25], [True, False, True])
    return DetectionResult(index, shot, 10, 0.25, 0.125, (small, 0.5, None), 0.6, 5, bins, tuple(found), proposed)


def test_a_summary_by_hand():
    results = [
        result_of(0, (1.0, 0.5), 1, small=0.25),
        result_of(1, (0.5, 0.0), 5),
        result_of(2, (0.5, None), 5, ("c", "d")),
    ]
    found = summarise(results)
    assert (found["ap50"], found["episodes"], found["classes"]) == (0.5, 3, 4)
    assert found["ci95"] == pytest.approx(1.96 * 0.25 / math.sqrt(3))  # figures 0.75, 0.25, 0.5
    assert (found["mean_ap"], found["ap75"], found["threshold"]) == (0.25, 0.125, 0.6)
    assert found["by_size"] == {
        "small": {"mean_ap": 0.25, "episodes": 1},
        "medium": {"mean_ap": 0.5, "episodes": 3},
        "large": None,
    }
    assert found["proposal_recall"] is None
    assert found["precision"] == 6 / (6 + 15)
    assert found["recall"] == 6 / 12
    assert found["false_positives"] == 15 / 30
    assert found["by_shot"]["1"] == {"ap50": 0.75, "ci95": 0.0, "episodes": 1}
    assert found["by_shot"]["5"]["ap50"] == 0.375
    assert found["by_way"]["2"]["episodes"] == 3
    assert (
        sum(found["histogram"]) == 3 and found["histogram"][15] == found["histogram"][5] == found["histogram"][10] == 1
    )
    assert found["by_domain"] == [
        {"domain": "domain b", "ap50": 0.25, "objects": 4, "episodes": 2},
        {"domain": "domain c", "ap50": 0.5, "objects": 2, "episodes": 1},
        {"domain": "domain a", "ap50": 0.75, "objects": 4, "episodes": 2},
    ], "class d has no objects"
    assert found["worst_domain"] == found["by_domain"][0]


def test_scores_by_hand():
    """In each of two episodes 0.8 is right once and wrong once, and 0.25 right; there are 8 objects."""
    found = summarise([result_of(0, (1.0, 0.5)), result_of(1, (1.0, 0.5))])
    held = [row for row in found["reliability"] if row["count"]]
    assert len(found["reliability"]) == BINS
    assert [(row["count"], row["accuracy"]) for row in held] == [(2, 1.0), (4, 0.5)]
    assert [row["confidence"] for row in held] == pytest.approx([0.25, 0.8])
    assert held[1]["low"] == 12 / 15
    assert found["ece"] == pytest.approx((2 * 0.75 + 4 * 0.3) / 6)
    assert found["curve"] == [
        {"threshold": 48 / 60, "precision": 2 / 4, "recall": 2 / 8},
        {"threshold": 15 / 60, "precision": 4 / 6, "recall": 4 / 8},
    ]


def test_proposals_are_pooled():
    found = summarise(
        [
            result_of(0, (1, 1), proposed=Proposed(4, (10, 20, 40))),
            result_of(1, (1, 1), proposed=Proposed(1, (0, 5, 10))),
        ]
    )
    assert found["proposal_recall"] == {"10": 10 / 50, "50": 25 / 50, "100": 1.0}


def test_a_detector_that_finds_nothing():
    nothing = result_of(0, (0.0, 0.0))._replace(bins=bins_of([], []), wrong=0)
    nothing = nothing._replace(classes=tuple(one._replace(found=0) for one in nothing.classes))
    found = summarise([nothing])
    assert (found["ap50"], found["precision"], found["recall"], found["ece"]) == (0, None, 0, None)
    assert (found["false_positives"], found["curve"]) == (0, [])


def test_intervals_over_classes_are_those_of_any_figure():
    names = [("a", "b"), ("c", "d"), ("e", "f"), ("a", "c")]
    results = [
        result_of(i, ap, names=of)
        for i, (ap, of) in enumerate(zip([(1, 1), (0.5, 1), (0.5, 0.5), (1, 0)], names, strict=True))
    ]
    over = summarise(results)["over_classes"]
    assert over["classes"] == 6 and over["low"] < 0.6875 < over["high"]
    found = paired_difference(
        results, [one._replace(classes=tuple(c._replace(ap50=0.5) for c in one.classes)) for one in results]
    )
    assert found["mean"] == pytest.approx(0.1875)  # figures 1, 0.75, 0.5 and 0.5, each less 0.5
    assert found["over_classes"]["classes"] == 6
    with pytest.raises(ValueError, match="same episodes, got 4 and 3, 3 shared"):
        paired_difference(results, results[:3])


def test_the_figure_of_classification_is_its_accuracy():
    result = score(0, 1, np.array([[0.75, 0.25], [0.75, 0.25]], np.float32), np.array([0, 1]), [("a", "d"), ("b", "d")])
    assert result.figure == result.accuracy == 0.5


def test_nothing_to_summarise():
    with pytest.raises(ValueError, match="no episode was judged"):
        summarise([])


aps = st.tuples(*[st.integers(0, 100).map(lambda n: n / 101)] * 2)


@given(st.lists(aps, min_size=2, max_size=10), st.randoms())
def test_any_order_gives_the_same_digits(figures, random):
    results = [result_of(i, ap, 1 + i % 2, small=ap[0]) for i, ap in enumerate(figures)]
    assert summarise(random.sample(results, len(results))) == summarise(results)
