"""The gate: each reason alone, all of them together, and their sentences."""

import pytest

from components.few_shot_evaluator.gate import GateSettings, reasons_against

NAN = float("nan")
GOOD = {
    "accuracy": 0.9,
    "ci95": 0.01,
    "baselines": {"transfer": {"difference": {"mean": 0.02, "ci95": 0.019}}},
    "previous": {"difference": {"mean": -0.01, "ci95": 0.02}},
    "independence": {"holds": True, "max_difference": 0.0},
}
GATE = GateSettings(threshold=0.88, margin=0.01)


def test_a_good_model_is_blessed():
    assert reasons_against(GOOD, GATE) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ci95": 0.03}, "the lower bound of the accuracy, 87.00 %, is below the threshold of 88.00 %"),
        (
            {"baselines": {"transfer": {"difference": {"mean": 0.02, "ci95": 0.02}}}},
            "not better than the baseline 'transfer': +2.00 ± 2.00 points",
        ),
        (
            {"previous": {"difference": {"mean": -0.011, "ci95": 0.5}}},
            "worse than the latest blessed model by more than 1.00 points: -1.10 ± 50.00 points",
        ),
        (
            {"independence": {"holds": False, "max_difference": 0.123}},
            "the probabilities of a query change by up to 0.12 with the other queries in the request: the model is not "
            "inductive",
        ),
    ],
    ids=["threshold", "baseline", "previous", "independence"],
)
def test_each_reason_alone(changes, said):
    assert reasons_against(GOOD | changes, GATE) == [said]


def test_all_reasons_are_said():
    bad = GOOD | {
        "accuracy": 0.5,
        "baselines": {n: {"difference": {"mean": 0.0, "ci95": 0.0}} for n in ("transfer", "pixels")},
        "independence": {"holds": False, "max_difference": 1.0},
    }
    assert len(reasons_against(bad, GATE)) == 4


def test_the_bounds_themselves():
    """Reaching the threshold is enough; so is losing just the margin; a difference of nothing is not better."""
    assert reasons_against(GOOD | {"accuracy": 0.75, "ci95": 0.25}, GateSettings(threshold=0.5)) == []
    at_margin = GOOD | {"previous": {"difference": {"mean": -0.25, "ci95": 0}}}
    assert reasons_against(at_margin, GateSettings(margin=0.25)) == []


def test_baselines_may_be_left_out():
    worse = GOOD | {"baselines": {"transfer": {"difference": {"mean": -0.3, "ci95": 0.01}}}}
    assert reasons_against(worse, GateSettings(require_baselines=False)) == []


@pytest.mark.parametrize("previous", [None, {"not_comparable": "it has a fixed head"}])
def test_no_model_to_compare_with(previous):
    assert reasons_against(GOOD | {"previous": previous}, GATE) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"accuracy": NAN},
        {"baselines": {"transfer": {"difference": {"mean": NAN, "ci95": 0.0}}}},
        {"previous": {"difference": {"mean": NAN, "ci95": 0.0}}},
    ],
)
def test_what_is_no_number_blesses_nothing(broken):
    assert len(reasons_against(GOOD | broken, GATE)) == 1
