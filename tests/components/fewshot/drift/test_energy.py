"""The energy distance within classes: by hand, what it does not see, and that p is a probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.drift.energy import change


def test_by_hand():
    """Known images at 0 and 2, new ones at 3 and 5: on average 3 between the sides, and 1 within each, with the distance of an
    image to itself. So the energy is 2 x 3 - 1 - 1 = 4. Of the six ways to choose two new images, two have 4 and four have 2, on
    average 8/3; the distance between the sides counts twice, 6."""
    found = change(np.array([[0.0], [2.0], [3.0], [5.0]]), np.zeros(4, int), np.array([False, False, True, True]), 0)
    assert found is not None
    assert found["distance"] == pytest.approx((4 - 8 / 3) / 6)
    assert found["p"] == pytest.approx(2 / 6, abs=0.05)
    assert (found["classes"], found["known"], found["new"]) == (1, 2, 2)


def test_a_class_is_compared_with_itself_alone():
    """Other shares of two classes that are far apart are no change, and a class that is all new tells nothing."""
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [40, 40, 10])
    vectors = rng.normal(size=(90, 3)) + 50 * classes[:, None]
    new = np.concatenate([np.arange(40) >= 38, np.arange(40) >= 2, np.ones(10, bool)])
    found = change(vectors, classes, new, 1)
    assert found is not None
    assert found["classes"] == 2 and found["new"] == 40 and found["p"] > 0.05 and found["distance"] < 0.05


def test_one_new_image_of_many_classes_is_enough():
    rng = np.random.default_rng(1)
    classes, new = np.repeat(np.arange(12), 8), np.tile(np.arange(8) == 7, 12)
    vectors = rng.normal(size=(96, 5)) + 10 * classes[:, None]
    assert change(vectors, classes, new, 1)["p"] > 0.05
    assert change(vectors + 2 * new[:, None], classes, new, 1)["p"] == pytest.approx(0.001)


def test_where_nothing_has_changed_p_is_spread_evenly():
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        classes = np.repeat(np.arange(4), 6)
        found.append(change(rng.normal(size=(24, 2)), classes, rng.random(24) < 0.4, seed)["p"])
    assert [np.mean(np.array(found) <= level) for level in (0.05, 0.5)] == pytest.approx([0.05, 0.5], abs=0.06)


def test_nothing_to_compare():
    three = np.zeros((3, 1))
    assert change(three, np.zeros(3, int), np.ones(3, bool), 0) is None
    assert change(three, np.arange(3), np.array([True, False, True]), 0) is None
    assert change(three[:2], np.zeros(2, int), np.array([True, False]), 0) is None, "p would always be 1"


@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_neither_scale_nor_order_matter(seed, scale):
    rng = np.random.default_rng(seed)
    vectors, classes, new = rng.normal(size=(20, 3)), rng.integers(0, 3, 20), rng.random(20) < 0.5
    order = rng.permutation(20)
    ours, theirs = change(vectors, classes, new, 0), change(scale * vectors[order], classes[order], new[order], 0)
    if ours is None or theirs is None:
        assert ours is theirs
        return
    assert ours["distance"] == pytest.approx(theirs["distance"]) and 0 < ours["p"] <= 1


def test_images_that_are_all_the_same_have_not_changed():
    found = change(np.zeros((8, 2)), np.zeros(8, int), np.arange(8) > 4, 0)
    assert found == {"distance": 0.0, "p": 1.0, "classes": 1, "known": 5, "new": 3}
