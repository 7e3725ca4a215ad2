"""The gate: each reason alone, all of them together, their sentences, and a series of releases that gets slowly worse."""

import numpy as np
import pytest

from components.few_shot_evaluator.evaluate import verdict
from components.few_shot_evaluator.gate import GateSettings, reasons_against
from components.fewshot.evaluation.results import BINS, Bin, ClassResult, EpisodeResult

NAN = float("nan")


def difference(mean: float, low: float | None, high: float = 0.5) -> dict:
    """With an interval over episodes that would bless anything."""
    over_classes = None if low is None else {"low": low, "high": high, "classes": 9}
    return {"difference": {"mean": mean, "ci95": 0.0, "over_classes": over_classes}}


GOOD = {
    "accuracy": 0.9,
    "ci95": 0.001,
    "over_classes": {"low": 0.89, "high": 0.91, "classes": 9},
    "classes": 9,
    "by_way": {"5": {}},
    "baselines": {"transfer": difference(0.02, 0.001)},
    "production": difference(-0.005, -0.01),
    "best": difference(-0.01, -0.02),
    "arrivals": {},
    "warm_start": None,
    "independence": {"holds": True, "max_difference": 0.0, "by_features": None},
}
GATE = GateSettings(threshold=0.88, margin=0.01, drift_margin=0.02)


def test_a_good_model_is_blessed():
    assert reasons_against(GOOD, GATE) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"over_classes": {"low": 0.87, "high": 0.93, "classes": 9}},
            "the lower bound of the accuracy, 87.00 %, is below the threshold of 88.00 %",
        ),
        (
            {"baselines": {"transfer": difference(0.02, 0.0, 0.04)}},
            "not better than the baseline 'transfer': +2.00 points, +0.00 to +4.00 over classes",
        ),
        (
            {"production": difference(-0.001, -0.011, 0.009)},
            "it may be worse than the model in production by more than 1.00 points: -0.10 points, -1.10 to +0.90 over classes",
        ),
        (
            {"best": difference(-0.012, -0.03, 0.006)},
            "it may be worse than the best model so far by more than 2.00 points: -1.20 points, -3.00 to +0.60 over classes",
        ),
        (
            {"independence": {"holds": False, "max_difference": 0.123, "by_features": None}},
            "the probabilities of a query change by up to 0.12 with the other queries in the request: the model is not "
            "inductive",
        ),
        (
            {"independence": GOOD["independence"] | {"by_features": {"holds": False, "max_difference": 0.0456}}},
            "the probabilities of a query by its features differ by up to 0.046 from those by its image: the figures, which "
            "were measured by features, are not those of `serving_default`",
        ),
    ],
    ids=["threshold", "baseline", "production", "best", "independence", "features"],
)
def test_each_reason_alone(changes, said):
    assert reasons_against(GOOD | changes, GATE) == [said]


def test_all_reasons_are_said():
    bad = GOOD | {
        "over_classes": {"low": 0.5, "high": 0.6, "classes": 9},
        "baselines": {name: difference(0.0, 0.0) for name in ("transfer", "pixels")},
        "production": difference(-0.5, -0.6),
        "best": difference(-0.5, -0.6),
        "independence": {"holds": False, "max_difference": 1.0, "by_features": {"holds": False, "max_difference": 1.0}},
    }
    assert len(reasons_against(bad, GATE)) == 7


def test_the_bounds_themselves():
    """Reaching the threshold is enough; so is losing just the margin; a difference of nothing is not better."""
    at_threshold = GOOD | {"over_classes": {"low": 0.5, "high": 0.6, "classes": 9}}
    assert reasons_against(at_threshold, GateSettings(threshold=0.5)) == []
    at_margin = GOOD | {"production": difference(0.0, -0.25)}
    assert reasons_against(at_margin, GateSettings(margin=0.25)) == []


def test_the_lower_bound_decides_and_not_the_mean():
    """-1.10 points with bounds of 50 points say nothing, and so they do not pass a margin of one point."""
    assert len(reasons_against(GOOD | {"production": difference(0.01, -0.5)}, GATE)) == 1


def test_baselines_may_be_left_out():
    worse = GOOD | {"baselines": {"transfer": difference(-0.3, -0.4)}}
    assert reasons_against(worse, GateSettings(require_baselines=False)) == []


def test_cold_baselines_do_not_decide_about_a_warm_model():
    worse = GOOD | {"baselines": {"transfer": difference(-0.3, -0.4)}, "warm_start": "served/1"}
    assert reasons_against(worse, GATE) == []
    assert len(reasons_against(worse | {"production": difference(0, -0.5)}, GATE)) == 1


def on_arrivals(mean: float, ci95: float) -> dict:
    """With an interval over classes that would bless nothing."""
    return {"difference": {"mean": mean, "ci95": ci95, "over_classes": None}}


def test_worse_on_what_was_there_before_or_on_new_classes_is_not_blessed():
    """These very classes are asked about, so the interval over episodes decides; reaching the margin is enough."""
    even = {"before": on_arrivals(0.0, 0.01), "new": on_arrivals(-0.004, 0.005)}
    assert reasons_against(GOOD | {"arrivals": even}, GATE) == []
    assert reasons_against(GOOD | {"arrivals": even | {"before": on_arrivals(0.02, 0.031)}}, GATE) == [
        "it may be worse than the model in production by more than 1.00 points on the test episodes that the model in production"
        " was pushed by: +2.00 ± 3.10 points over episodes"
    ]
    assert reasons_against(GOOD | {"arrivals": even | {"new": on_arrivals(-0.2, 0.005)}}, GATE) == [
        "it may be worse than the model in production by more than 1.00 points on episodes of the test classes that came since:"
        " -20.00 ± 0.50 points over episodes"
    ]
    assert len(reasons_against(GOOD | {"arrivals": {"new": on_arrivals(NAN, NAN)}}, GATE)) == 1
    assert reasons_against(GOOD | {"arrivals": {"new": {"not_judged": "1 test class came since"}}}, GATE) == []


@pytest.mark.parametrize("name", ["production", "best"])
@pytest.mark.parametrize("earlier", [None, {"not_comparable": "it has a fixed head"}])
def test_no_model_to_compare_with(name, earlier):
    assert reasons_against(GOOD | {name: earlier}, GATE) == []


def test_classes_that_cannot_tell_bless_nothing():
    few = GOOD | {"over_classes": None, "classes": 5, "baselines": {"transfer": difference(0.5, None)}}
    (said,) = reasons_against(few, GATE)
    assert (
        said.startswith("5 test classes at 5-way cannot tell what to expect on other classes") and "5 or more" in said
    )
    nothing_asked = few | {"production": None, "best": None}
    assert reasons_against(nothing_asked, GateSettings(require_baselines=False)) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"over_classes": {"low": NAN, "high": NAN, "classes": 9}},
        {"baselines": {"transfer": difference(NAN, NAN)}},
        {"production": difference(NAN, NAN)},
        {"best": difference(NAN, NAN)},
    ],
)
def test_what_is_no_number_blesses_nothing(broken):
    assert len(reasons_against(GOOD | broken, GATE)) == 1


CLASSES, EPISODES, QUERIES = 60, 400, 300  # so many that luck is small beside 0.3 points
BINS_OF_NO_INTEREST = (Bin(1, 0.5, 1),) * BINS


def release(skill: float, seed: int) -> list[EpisodeResult]:
    """The results of a model with this accuracy; classes and episodes are the same for all, luck is each model's own."""
    fixed, luck = np.random.default_rng(0), np.random.default_rng(seed)
    hardness = fixed.normal(0, 0.04, CLASSES)
    results = []
    for index in range(EPISODES):
        drawn = fixed.choice(CLASSES, 5, replace=False)
        right = luck.binomial(QUERIES, np.clip(skill + hardness[drawn], 0, 1))
        classes = tuple(ClassResult(f"c{c}", "", QUERIES, int(n)) for c, n in zip(drawn, right, strict=True))
        results.append(EpisodeResult(index, 1, 0.1, BINS_OF_NO_INTEREST, classes))
    return results


def test_a_series_of_releases_that_are_each_a_little_worse():
    """Fifty releases, each truly 0.3 points worse than the last. By the margin to production alone every one would pass;
    the best model so far ends the drift, and what is served stays within the drift margin of it."""
    gate = GateSettings(margin=0.01, drift_margin=0.02)
    independence = {"checked": 1, "max_difference": 0.0, "tolerance": 1e-4, "holds": True, "by_features": None}
    skills = [0.9 - 0.003 * i for i in range(51)]
    served, blessed, alone = release(skills[0], 1000), [skills[0]], 0
    best = before = served
    for number, skill in enumerate(skills[1:], 1):
        candidate = release(skill, 1000 + number)
        results = {"model": candidate, "production": served} | ({"best": best} if best is not served else {})
        if verdict(results, gate, independence, {})["blessed"]:
            served, blessed = candidate, [*blessed, skill]
        alone += verdict({"model": candidate, "production": before}, gate, independence, {})["blessed"]
        before = candidate
    assert alone > 45, "each release passes against the one just before it"
    assert skills[0] - blessed[-1] <= gate.drift_margin
    assert len(blessed) > 1, "a difference within the margin is no reason against a release"


def test_sentences_name_the_figure_of_a_detector():
    scenes = {key: value for key, value in GOOD.items() if key != "accuracy"} | {
        "ap50": 0.6,
        "over_classes": {"low": 0.5, "high": 0.7, "classes": 9},
        "independence": {"holds": False, "max_difference": 0.123, "by_features": None},
    }
    assert reasons_against(scenes, GATE) == [
        "the lower bound of the AP50, 50.00 %, is below the threshold of 88.00 %",
        "the detections of a query change by up to 0.12 with the other queries in the request: the model is not inductive",
    ]
