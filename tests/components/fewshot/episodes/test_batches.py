"""Ordinary batches: every image of every class, once a pass; batches of classes: several images of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.episodes.batches import GroupedBatches, ShuffledBatches
from components.fewshot.episodes.episode import ClassIndex


def index_of(*counts: int) -> ClassIndex:
    names = tuple(f"c{i}" for i in range(len(counts)))
    return ClassIndex(names, ("",) * len(counts), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


counts_of = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(lambda counts: sum(counts) > 0)


@given(counts_of, st.integers(1, 12), st.booleans())
def test_every_image_comes_once_a_pass(counts, size, rotations):
    """Classes of a single image as well, whatever the size of a batch."""
    index, total = index_of(*counts), sum(counts) * (4 if rotations else 1)
    draw = ShuffledBatches(index, size, 0, rotations)
    batches = [draw(i) for i in range(-(-3 * total // size))]
    assert all(len(batch.rows) == size for batch in batches)
    drawn = [(int(row), int(turn)) for batch in batches for row, turn in zip(batch.rows, batch.turns, strict=True)]
    for number in range(3):
        assert len(set(drawn[number * total : (number + 1) * total])) == total


def test_orders_differ_between_passes_and_seeds():
    index = index_of(50, 50)
    passes = [ShuffledBatches(index, 100, seed)(number).rows.tolist() for seed in (0, 1) for number in (0, 1)]
    assert len({tuple(order) for order in passes}) == 4
    assert all(sorted(order) == list(range(100)) for order in passes)


def test_labels_are_class_ids():
    """Class of the row, and turned images are other classes: turn * C + class."""
    draw = ShuffledBatches(index_of(2, 0, 3), 20, 5, rotations=True)(0)
    owner = np.array([0, 0, 2, 2, 2])
    np.testing.assert_array_equal(draw.labels, draw.turns * 3 + owner[draw.rows])
    assert np.bincount(draw.turns).tolist() == [5, 5, 5, 5]


def test_a_batch_is_the_same_in_any_order_of_asking():
    index = index_of(5, 4, 8)
    there = [ShuffledBatches(index, 7, 3)(i).rows.tolist() for i in range(6)]
    draw = ShuffledBatches(index, 7, 3)
    assert [draw(i).rows.tolist() for i in (5, 0, 3)] == [there[5], there[0], there[3]]


def test_the_first_batch_is_pinned():
    """Resuming on another machine or another version of numpy depends on these very numbers."""
    assert ShuffledBatches(index_of(4, 4), 8, 7)(0).rows.tolist() == [6, 5, 2, 7, 1, 3, 4, 0]
    assert GroupedBatches(index_of(4, 4, 4), 4, 2, 7)(0).rows.tolist() == [0, 3, 10, 11]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), st.integers(4, 30), st.integers(2, 4), st.booleans())
def test_grouped_images_have_company(counts, size, per_class, rotations):
    index = index_of(*counts)
    if sum(count >= 2 for count in counts) < 2:
        with pytest.raises(ValueError, match="need at least 2 classes of at least 2 images"):
            GroupedBatches(index, size, per_class, 0, rotations)
        return
    draw = GroupedBatches(index, size, per_class, 0, rotations)
    for i in range(3):
        batch = draw(i)
        assert len(batch.rows) <= size
        assert len({(int(row), int(turn)) for row, turn in zip(batch.rows, batch.turns, strict=True)}) == len(
            batch.rows
        )
        ids, members = np.unique(batch.labels, return_counts=True)
        assert (members >= 2).all() and len(ids) == draw.classes
        owner = np.repeat(np.arange(len(counts)), counts)
        np.testing.assert_array_equal(batch.labels, batch.turns * len(counts) + owner[batch.rows])


def test_sixty_classes_of_two():
    draw = GroupedBatches(index_of(*[20] * 100), 120, 2, 0)
    assert (draw.classes, draw.per_class) == (60, 2)
    assert np.unique(draw(0).labels, return_counts=True)[1].tolist() == [2] * 60


def test_few_classes_give_more_images_each():
    draw = GroupedBatches(index_of(*[20] * 10), 120, 2, 0)
    assert (draw.classes, draw.per_class) == (10, 12)
    assert len(draw(0).rows) == 120
