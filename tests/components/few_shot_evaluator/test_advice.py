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


def scenes_of(ap50=0.6, also=(), small=0.3, large=0.3, recall=(0.5, 0.7, 0.7), low=0.595, high=0.605):
    """100 episodes of scenes, all with small and large objects."""
    size = {"small": small, "medium": None, "large": large}
    return {
        "ap50": ap50,
        "way": 5,
        "shot": 1,
        "episodes": 100,
        "also": [{"way": way, "shot": shot, "ap50": reached} for way, shot, reached in also],
        "over_classes": {"low": low, "high": high, "classes": 30},
        "proposal_recall": dict(zip(("10", "50", "100"), recall, strict=True)) if recall else None,
        "by_size": {name: {"mean_ap": ap, "episodes": 100} if ap is not None else None for name, ap in size.items()},
    }


def test_more_marked_objects():
    found = advice(scenes_of(also=[(5, 5, 0.8)]))
    assert found[0].startswith(
        "Take 5 marked objects of a class in place of 1: that raised the AP50 from 60.0 to 80.0 %"
    )
    assert "with 5 marked objects of a class, the AP50 is still 80.0 %" in found[1]


def test_proposals_that_still_find_something():
    (found,) = advice(scenes_of(recall=(0.5, 0.6, 0.65)))
    assert "learner.settings.proposals: beyond the first 50" in found and "from 60.0 to 65.0 %" in found
    assert advice(scenes_of(recall=None)) == []


def test_small_objects_that_are_missed():
    (found,) = advice(scenes_of(small=0.1, large=0.4))
    assert found.startswith("Take larger images") and "mAP of 10.0 %, larger ones of 40.0 %" in found
    assert advice(scenes_of(small=None)) == []


def test_more_classes_for_a_detector():
    (found,) = advice(scenes_of(low=0.4, high=0.8))
    assert "the AP50 on other classes may be anywhere from 40.0 to 80.0 %" in found
