"""Boxes and labels as people give them."""

import numpy as np
import pytest

from components.fewshot.doors.marks import marks

BOX = [0.25, 0.5, 0.75, 1.0]


def test_lists_and_arrays_of_any_number():
    found = marks("", [[BOX], [], np.array([BOX, [0, 0, 1, 1.0005]])], [["oak"], [], np.array([3, 4])], 3)
    assert [boxes.tolist() for boxes in found.boxes] == [[BOX], [], [BOX, [0, 0, 1, 1]]]
    assert {boxes.dtype for boxes in found.boxes} == {np.dtype(np.float32)}
    assert [boxes.shape for boxes in found.boxes] == [(1, 4), (0, 4), (2, 4)]
    assert found.labels == [["oak"], [], [3, 4]]
    assert marks("", np.array([[BOX]]), np.array([["elm"]]), 1).labels == [["elm"]]
    assert marks("", [[BOX, BOX]], [["oak", None]], 1).labels == [["oak", None]]
    assert marks("", [np.zeros((0, 4))], [()], 1).labels == [[]]


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (3, "support_boxes: expected an array [n, 4] for each of 2 images, with ymin, xmin, ymax, xmax in 0..1"),
        ([[BOX]], "and an empty one where it shows nothing, got 1 of them"),
        (["oak", "elm"], "support_boxes[0]: expected an array [n, 4]"),
        (np.array([0, 1]), "got np.int64(0): boxes come before labels"),
        ([BOX, []], "got shape (4,): a single one is [[0.25, 0.5, 0.75, 1.0]]"),
        ([[BOX], [[1, 2, 3]]], "support_boxes[1]: expected an array [n, 4]"),
        ([[BOX], [[0.1], [1, 2, 3]]], "got rows of another kind"),
        ([[BOX], [[0, 0, np.nan, 1]]], "expected numbers"),
        ([[BOX, [10, 20, 30, 40]], []], "got [10.0, 20.0, 30.0, 40.0]: divide pixels by its height and width"),
        ([[[-0.1, 0, 1, 1]], []], "got [-0.1, 0.0, 1.0, 1.0]: cut what reaches over its edge"),
        ([[BOX], [BOX, [0.5, 0, 0.25, 1]]], "support_boxes[1]: expected ymin < ymax and xmin < xmax, got [0.5, 0.0"),
        ([[[0, 0.5, 1, 0.5]], []], "not width and height"),
    ],
)
def test_what_are_no_boxes(boxes, said):
    with pytest.raises(ValueError, match=".*") as error:
        marks("support_", boxes, [[], []], 2)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (0, "labels: expected a list for each of 2 images, with a label for each of its boxes, got 0"),
        ([[1]], "labels: expected a list for each of 2 images, with a label for each of its boxes, got 1 of them"),
        (["oak", []], "labels[0]: expected a list of 1 labels, one for each box of the image, got 'oak'"),
        ([["oak"], ["elm"]], "labels[1]: expected a list of 0 labels, one for each box of the image, got 1 of them"),
        ([[[1, 2]], []], "labels[0]: expected a list of 1 labels"),
    ],
)
def test_what_are_no_labels(labels, said):
    with pytest.raises(ValueError, match=".*") as error:
        marks("", [[BOX], []], labels, 2)
    assert said in str(error.value)
