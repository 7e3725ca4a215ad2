"""The rule: each reason to train alone, what needs no training, and what is said of it."""

import pytest

from components.fewshot.drift.decide import decide

SAME = {"distance": 0.01, "p": 0.4, "classes": 20, "known": 160, "new": 20}
CHANGED = SAME | {"distance": 0.3, "p": 0.001}
WELL = {"way": 5, "shot": 1, "query": 4, "episodes": 200, "new_classes": 3, "known_classes": 12}
WELL |= {"accuracy": 0.81, "known_accuracy": 0.84, "difference": -0.03, "bounds": {"low": -0.2, "high": 0.14}}
QUIET = {
    "images": 30,
    "known_images": 500,
    "classes": [],
    "known_classes": 50,
    "growth": {"classes": 0.0, "images": 0.06},
    "mix": {"distance": 0.9, "p": 0.001},
    "looks": {},
    "by_looks": SAME,
    "by_features": SAME,
    "adapting": None,
}


def decided(**changes) -> tuple[str, str]:
    return decide(QUIET | changes, alpha=0.01, growth=0.5)


def test_more_of_the_same_is_skipped():
    """Another mix of the classes is more of the same: episodes draw classes evenly."""
    assert decided() == ("skip", "30 new images of known classes, which have not changed (p = 0.8)")
    nothing_to_compare = decided(by_looks=None, by_features=None)
    assert nothing_to_compare == ("skip", "30 new images of known classes, which have not changed")


def test_nothing_came():
    assert decided(images=0, by_looks=None, by_features=None) == ("skip", "no image came")


def test_new_classes_are_adapted_to():
    four = ["ash", "elm", "fir", "oak"]
    assert decided(classes=four, adapting=WELL) == (
        "adapt only",
        "4 new classes (ash, elm, fir, ...); adapted to them, production has 81.0 %, where it has 84.0 % on known classes"
        " (-3.0 points, -20.0 to +14.0 over classes)",
    )
    said = "1 new class (ash); with too few images to say how well production adapts to them"
    assert decided(classes=["ash"]) == ("adapt only", said)
    cannot_tell = WELL | {"accuracy": 0.2, "difference": -0.64, "bounds": None}
    decision, because = decided(classes=["ash"], adapting=cannot_tell)
    assert decision == "adapt only" and because.endswith("known classes (-64.0 points, too few classes to tell more)")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"by_looks": CHANGED},
            "images of known classes look different: energy distance 0.30, p = 0.002 (20 new images of 20",
        ),
        (
            {"by_features": CHANGED},
            "the model sees images of known classes differently: energy distance 0.30, p = 0.002",
        ),
        (
            {"growth": {"classes": 0.5, "images": 0.1}},
            "there are 50 % more train classes than production was trained on",
        ),
        (
            {"growth": {"classes": 0.1, "images": 0.75}},
            "there are 75 % more train images than production was trained on",
        ),
        (
            {"adapting": WELL | {"difference": -0.3, "bounds": {"low": -0.5, "high": -0.1}}},
            "production adapts worse to new classes than to known ones: -30.0 points, -50.0 to -10.0 over classes",
        ),
    ],
)
def test_each_reason_to_train(changes, said):
    decision, because = decided(classes=["ash"], **changes)
    assert decision == "retrain" and because.startswith(said)


def test_of_two_tests_each_must_be_surer():
    assert decided(by_looks=SAME | {"p": 0.006})[0] == "skip"
    assert decided(by_looks=SAME | {"p": 0.006}, by_features=None)[0] == "retrain"
