"""Training units: each learner gets its own kind, and all see the same number of images in a step."""

import numpy as np
import pytest

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.task import Batch, Task
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LEARNERS
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.units import UNITS, images_a_step, training_units


@pytest.fixture(scope="module")
def store() -> ArrayStore:
    """Ten classes of eight images, and two that are too small for any episode. A pixel is the number of its class."""
    counts = [8] * 10 + [1, 2]
    labels = np.repeat(np.arange(12), counts)
    return ArrayStore(np.tile(labels[:, None, None, None], (1, 2, 2, 1)).astype(np.uint8), [f"{n:02d}" for n in labels])


SPEC = EpisodeSpec(way=4, shot=2, query=3)


def number_of_images(unit: Task | Batch) -> int:
    return len(unit.images) if isinstance(unit, Batch) else len(unit.support) + len(unit.query)


def test_every_learner_has_a_unit_that_exists():
    assert {learner.unit for learner in LEARNERS.values()} <= UNITS.keys()


@pytest.mark.parametrize("name", sorted(UNITS))
def test_the_same_number_of_images_a_step(name, store):
    units = training_units(name, store, SPEC, TrainingSettings(), 0)
    (fed,) = units.feed(range(3, 4))
    assert sum(number_of_images(unit) for unit in fed) == 4 * (2 + 3) == images_a_step(SPEC, TrainingSettings())


@pytest.mark.parametrize("name", sorted(UNITS))
def test_a_resumed_run_reads_what_comes_next(name, store):
    units = training_units(name, store, SPEC, TrainingSettings(meta_batch=2), 0)
    whole, rest = list(units.feed(range(4))), list(units.feed(range(2, 4)))
    for there, here in zip(whole[2:], rest, strict=True):
        for a, b in zip(there, here, strict=True):
            for one, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(one, other)


def test_shuffled_batches_take_all_classes_and_targets_are_theirs(store):
    units = training_units("shuffled", store, SPEC, TrainingSettings(batch_size=83), 0)
    (batch,) = next(units.feed(range(1)))
    np.testing.assert_array_equal(batch.images[:, 0, 0, 0], batch.targets)
    assert np.bincount(batch.targets).tolist() == [8] * 10 + [1, 2], (
        "too small for an episode, and trained on all the same"
    )


def test_grouped_batches_have_company(store):
    units = training_units("grouped", store, SPEC, TrainingSettings(batch_size=20, images_per_class=2), 0)
    (batch,) = next(units.feed(range(1)))
    np.testing.assert_array_equal(batch.images[:, 0, 0, 0], batch.targets)
    assert np.unique(batch.targets, return_counts=True)[1].tolist() == [2] * 10


def test_ranges_of_way_and_shot_by_their_mean():
    spec = EpisodeSpec(way=(3, 6), shot=(1, 4), query=5, distractors=1)
    assert images_a_step(spec, TrainingSettings(meta_batch=2)) == round(2 * (4.5 * 2.5 + 5.5 * 5))
    assert images_a_step(spec, TrainingSettings(batch_size=64)) == 64


def test_too_few_classes_for_company():
    lonely = ArrayStore(np.zeros((3, 2, 2, 1), np.uint8), np.arange(3))
    with pytest.raises(
        ValueError, match="need at least 2 classes of at least 2 images, but 0 of 3 have so many: add images"
    ):
        training_units("grouped", lonely, SPEC, TrainingSettings(), 0)
