"""Advice: by hand, the largest gain first, and silence where no figure says that anything pays."""

import pytest

from components.few_shot_evaluator.advice import advice, few_classes

NOTHING = {"pairs": [], "classes": [], "matrix": []}


def metrics_of(accuracy=0.9, also=(), low=0.895, high=0.905, pairs=()):
    """100 episodes of 5-way 1-shot with 10 queries a class: 5,000 queries."""
    return {
        "accuracy": accuracy,
        "way": 5,
        "shot": 1,
        "query": 10,
        "episodes": 100,
        "by_way": {"5": {"episodes": 100}},
        "also": [{"way": way, "shot": shot, "accuracy": reached} for way, shot, reached in also],
        "over_classes": {"low": low, "high": high, "classes": 30} if low else None,
        "confusions": {**NOTHING, "pairs": list(pairs)},
    }


def test_more_images_where_they_helped():
    """Of 2, 5 and 10 shots, 2 give most for each further image: (94 - 90) / 1 against (96 - 90) / 4 and (97 - 90) / 9."""
    found = advice(metrics_of(also=[(5, 2, 0.94), (5, 5, 0.96), (5, 10, 0.97)]))
    assert found[0].startswith("Take 2 support images of a class in place of 1: ") and "from 90.0 to 94.0 %" in found[0]
    assert found[1].startswith("Try a larger base model") and "with 10 support images of a class, 3.0 %" in found[1]


def test_episodes_of_another_way_say_nothing_of_more_images():
    assert advice(metrics_of(also=[(20, 5, 0.99)])) == []


def test_more_classes_where_the_interval_is_wide():
    (found,) = advice(metrics_of(low=0.8, high=0.96))
    assert found.startswith("Add test classes: with 30 of them") and "from 80.0 to 96.0 %" in found


def test_a_pair_that_makes_many_errors():
    """50 of 500 errors, where 5,000 queries have an accuracy of 90 %."""
    pair = {"classes": ["cat", "lynx"], "share": 0.5, "confused": 50, "queries": 100, "episodes": 5}
    (found,) = advice(metrics_of(pairs=[pair]))
    assert found.startswith("Look at cat and lynx: 50.0 % of their queries") and "10.0 % of all errors" in found


def test_at_most_two_and_the_largest_first():
    pair = {"classes": ["cat", "lynx"], "share": 0.5, "confused": 300, "queries": 600, "episodes": 30}
    found = advice(metrics_of(also=[(5, 5, 0.93)], low=0.7, high=0.96, pairs=[pair]))
    assert [sentence.split()[0] for sentence in found] == ["Add", "Look"]  # 6.5 points, 6; 3.5 and 3


def test_what_would_not_pay_is_not_said():
    assert advice(metrics_of(also=[(5, 5, 0.902)], accuracy=0.9)) != []  # one still errs with 5 images
    assert advice(metrics_of(0.998, [(5, 5, 0.999)], 0.997, 0.999)) == []
    assert advice(metrics_of(0.5, low=None)) == []


@pytest.mark.parametrize(("classes", "said"), [(5, True), (19, True), (20, False)])
def test_few_test_classes_are_told(classes, said):
    assert bool(few_classes(classes)) is said
