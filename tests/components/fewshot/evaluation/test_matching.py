"""Which detections are right: cases by hand. tests/components/fewshot/evaluation/test_detections.py compares with COCO's own."""

import numpy as np
import pytest

from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER
from components.fewshot.evaluation.matching import SIZES, THRESHOLDS, match, overlaps

LEFT, RIGHT, BOTH = (0.0, 0.0, 0.5, 0.5), (0.0, 0.5, 0.5, 1.0), (0.0, 0.0, 0.5, 1.0)


def outcome(found, true, side=100, size="all", threshold=0.5):
    """One image; `found` and `true` are (box, class). Returns `+` right, `-` wrong or `.` left out for each found."""
    boxes, classes = (np.array([part]) for part in zip(*found, strict=True))
    true_boxes, labels = (np.array([part]) for part in zip(*true, strict=True))
    made = match(boxes, classes, true_boxes, labels, np.array([side * side]), (size,))
    at = 0, int(np.abs(THRESHOLDS - threshold).argmin()), 0
    return "".join(
        "+" if hit else "-" if miss else "." for hit, miss in zip(made.right[at], made.wrong[at], strict=True)
    )


def test_an_object_is_found_once_and_by_its_class():
    assert outcome([(LEFT, 0), (LEFT, 0)], [(LEFT, 0)]) == "+-"
    assert outcome([(LEFT, 1), (LEFT, 0)], [(LEFT, 0)]) == "-+"
    assert outcome([(RIGHT, 0)], [(LEFT, 0)]) == "-"
    assert outcome([(LEFT, 0), (RIGHT, 0)], [(LEFT, 0), (RIGHT, 0)]) == "++"
    assert outcome([(LEFT, 0), (LEFT, -1)], [(LEFT, 0)]) == "+."


def test_the_surest_chooses_first_what_it_overlaps_most():
    nearly = (0.0, 0.1, 0.5, 0.6)  # shares 0.2 of 0.3 with LEFT, 0.05 of 0.45 with RIGHT
    assert outcome([(nearly, 0), (LEFT, 0)], [(LEFT, 0), (RIGHT, 0)]) == "+-"
    between = (0.0, 0.0, 0.5, 0.52)
    assert outcome([(between, 0), (BOTH, 0)], [(BOTH, 0), (LEFT, 0)]) == "++"  # it leaves the larger one to the second


def test_overlap_by_hand_and_the_thresholds():
    shifted = (0.0, 0.1, 0.5, 0.6)
    found = overlaps(np.array([[shifted, BOTH]]), np.array([[LEFT, LEFT]]), np.array([[False, True]]))
    np.testing.assert_allclose(found, [[[2 / 3, 4 / 5], [1 / 2, 1 / 2]]])
    assert [outcome([(shifted, 0)], [(LEFT, 0)], threshold=at) for at in (0.6, 0.65, 0.7)] == ["+", "+", "-"]
    assert overlaps(np.zeros((1, 1, 4)), np.zeros((1, 1, 4)), np.array([[False]])) == 0


def test_exactly_half_is_enough():
    assert outcome([(BOTH, 0)], [(LEFT, 0)]) == "+"


def test_strangers_are_background():
    assert outcome([(LEFT, 0), (LEFT, 1)], [(LEFT, STRANGER)]) == "--"
    assert outcome([(LEFT, 0)], [(LEFT, NOTHING)]) == "-"


def test_what_lies_in_an_ignored_area_is_neither_right_nor_wrong():
    inside = (0.1, 0.1, 0.3, 0.3)  # far from overlapping the area by a half of the union
    assert outcome([(LEFT, 0), (inside, 1), (inside, 0), (RIGHT, 0)], [(LEFT, IGNORED)]) == "...-"
    assert outcome([(LEFT, 0), (LEFT, 0)], [(BOTH, IGNORED), (LEFT, 0)]) == "+."  # an object goes before the area


def test_sizes_by_hand():
    small, large = (0.0, 0.0, 0.1, 0.1), (0.0, 0.0, 1.0, 1.0)  # of 100 x 100 pixels: 100 and 10,000 square pixels
    true = [(small, 0), (large, 0)]
    assert outcome([(small, 0), (large, 0)], true, size="small") == "+."
    assert outcome([(small, 0), (large, 0)], true, size="large") == ".+"
    assert outcome([(small, 0), (large, 0)], true, size="medium") == ".."
    assert outcome([(small, 1), (large, 1)], true, size="small") == "-."  # a wrong one counts where its own size does
    assert SIZES["small"][1] == SIZES["medium"][0] == 1024
    edge = [((0.0, 0.0, 0.32, 0.32), 0)]  # 32 x 32 pixels belong to both, as in COCO
    assert [outcome(edge, edge, size=size) for size in ("small", "medium")] == ["+", "+"]


def test_objects_that_count():
    true_boxes = np.array([[LEFT, RIGHT, LEFT, (0, 0, 0.1, 0.1)]])
    made = match(
        np.zeros((1, 0, 4)),
        np.zeros((1, 0), int),
        true_boxes,
        np.array([[0, IGNORED, STRANGER, 1]]),
        np.array([10_000]),
    )
    assert made.objects[:, 0].tolist() == [
        [True, False, False, True],
        [False, False, False, True],
        [True, False, False, False],
        [False, False, False, False],
    ]
    assert made.right.shape == (4, 10, 1, 0)


def test_images_do_not_meet():
    """The object of one image is not found in another."""
    boxes = np.array([[LEFT], [LEFT], [RIGHT]])
    true = np.array([[LEFT], [RIGHT], [RIGHT]])
    made = match(boxes, np.zeros((3, 1), int), true, np.zeros((3, 1), int), np.full(3, 100))
    assert made.right[0, :, :, 0].all(0).tolist() == [True, False, True]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_of_any_number_on_one_object_the_first_is_right(count):
    if count:
        assert outcome([(LEFT, 0)] * count, [(LEFT, 0)]) == "+" + "-" * (count - 1)
    else:
        made = match(
            np.zeros((0, 3, 4)), np.zeros((0, 3), int), np.zeros((0, 2, 4)), np.zeros((0, 2), int), np.zeros(0)
        )
        assert made.wrong.shape == (4, 10, 0, 3)
