"""Temperature: by hand, and as part of what is exported."""

import numpy as np
import pytest

from components.fewshot.training.calibration import BOUNDS, best_temperature


def test_by_hand():
    """Three of four queries are right, each with a margin of 2: the least log loss says 3/4, so 2 / T = ln 3."""
    logits, labels = np.array([[2.0, 0]] * 4), np.array([0, 0, 0, 1])
    assert best_temperature([logits], [labels]) == pytest.approx(2 / np.log(3), rel=1e-3)


def test_a_scale_of_logits_is_undone():
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 5, 60) for _ in range(20)]
    logits = [rng.standard_normal((60, 5)) + 2 * np.eye(5)[at] for at in labels]
    one = best_temperature(logits, labels)
    assert best_temperature([7 * of for of in logits], labels) == pytest.approx(7 * one, rel=1e-3)


def test_distractors_do_not_count():
    logits, labels = np.array([[2.0, 0]] * 5), np.array([0, 0, 0, 1, -1])
    assert best_temperature([logits], [labels]) == pytest.approx(2 / np.log(3), rel=1e-3)


def test_ways_may_differ():
    assert best_temperature([np.zeros((1, 2)), np.zeros((1, 3))], [np.array([0]), np.array([2])]) > 0


def test_it_stays_within_bounds():
    """Where all is right, every lower temperature is better; where all is wrong, every higher one."""
    logits = np.array([[1.0, 0]])
    low, high = (best_temperature([logits], [np.array([label])]) for label in (0, 1))
    assert BOUNDS[0] <= low < 2 * BOUNDS[0] and high == pytest.approx(BOUNDS[1], rel=1e-2)
