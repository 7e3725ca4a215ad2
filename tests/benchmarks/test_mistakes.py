"""What is wrong with detections, by hand."""

import numpy as np

from benchmarks.mistakes import WRONG, asked_for, kinds_of, without
from components.fewshot.episodes.scenes import NOTHING, STRANGER, Detections
from components.fewshot.evaluation.detections import Truth

LEFT, MIDDLE, RIGHT = ([0.0, left, 0.2, left + 0.2] for left in (0.0, 0.4, 0.8))
TRUTH = Truth(np.array([[LEFT, MIDDLE, RIGHT]], np.float32), np.array([[0, 1, STRANGER]]), np.array([10_000]))


def found(*those) -> Detections:
    """Detections of one image: a box and a class each."""
    boxes, classes = zip(*those, strict=True)
    scores = np.linspace(0.9, 0.1, len(those), dtype=np.float32)
    return Detections(np.array([boxes], np.float32), scores[None], np.array([classes]))


def test_each_kind():
    beside = [0.0, 0.1, 0.2, 0.3]  # a third of the union with the left one is shared
    given = found((LEFT, 0), (LEFT, 0), (MIDDLE, 0), (RIGHT, 1), (beside, 0), ([0.6, 0.6, 0.9, 0.9], 1), (LEFT, -1))
    kinds = kinds_of(given, TRUTH)
    names = [WRONG[kind] if kind >= 0 else "" for kind in kinds[0]]
    assert names == ["", "twice", "another", "stranger", "place", "background", ""]
    assert without("stranger", given, kinds).classes.tolist() == [[0, 0, 0, -1, 0, 1, -1]]


def test_what_is_missed_is_not_asked_for():
    assert asked_for(found((LEFT, 0), (MIDDLE, 0)), TRUTH).labels.tolist() == [[0, STRANGER, STRANGER]]
    assert asked_for(found((MIDDLE, 0)), TRUTH).labels.tolist() == [[0, 1, STRANGER]], "else nothing were left"


def test_a_place_without_an_object_is_none():
    nothing = TRUTH._replace(labels=np.array([[0, NOTHING, NOTHING]]))
    assert [WRONG[kind] for kind in kinds_of(found((MIDDLE, 0), (RIGHT, 1)), nothing)[0]] == ["background"] * 2
