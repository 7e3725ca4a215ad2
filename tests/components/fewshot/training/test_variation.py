"""What is drawn at random is another in each unit and each part of it, and the same on replay."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.task import Batch, Task
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.variation import varied
from tests.components.fewshot.training.toys import pictures, trainer

SETTINGS = TrainingSettings(augmentation={"rotation": 90.0}, label_smoothing=0.3, mixup=0.5)


@pytest.fixture(scope="module")
def learner():
    return trainer(pictures()).learner


def number(n: int) -> tf.Tensor:
    return tf.constant(n, tf.int64)


@pytest.fixture(scope="module")
def task() -> Task:
    """Support and queries are the same three images."""
    images = tf.constant(np.random.default_rng(0).random((3, 6, 6, 1), np.float32))
    labels = tf.constant([0, 1, -1])
    return Task(images, labels, images, labels, tf.constant([4, 7]))


def test_support_and_queries_are_changed_each_in_their_own_way(learner, task):
    found = varied(task, learner, SETTINGS, number(5))
    assert (found.support.numpy() != task.support.numpy()).any()
    assert (found.support.numpy() != found.query.numpy()).any()
    np.testing.assert_array_equal(found.support_labels, task.support_labels)
    np.testing.assert_allclose(found.query_labels, [[0.85, 0.15], [0.15, 0.85], [0, 0]], rtol=1e-6)


def test_a_unit_of_the_same_number_is_changed_as_before_and_another_is_not(learner, task):
    batch = Batch(task.query, tf.constant([0, 1, 2]))
    for unit in (task, batch):
        once, again, other = (varied(unit, learner, SETTINGS, number(n)) for n in (5, 5, 6))
        for a, b in zip(once, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert any((a.numpy() != b.numpy()).any() for a, b in zip(once, other, strict=True))
    assert once.targets.shape == (3, learner.train_classes)


def test_by_default_a_unit_passes_as_it_is(learner, task):
    assert varied(task, learner, TrainingSettings(), number(0)) is task
