"""The logits of validation episodes: those of adapting and predicting, however they are computed."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.feed import task_arrays, to_unit_range
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LEARNERS
from components.fewshot.training.episode_logits import Validation, episode_logits
from components.fewshot.training.selection import accuracy_and_loss
from tests.components.fewshot import toys


@pytest.mark.parametrize("name", [*sorted(LEARNERS), "protonet by support"])
def test_they_are_those_of_adapt_and_predict(name):
    name, _, mode = name.partition(" by ")
    learner = toys.trained(name, **({"batch_norm": mode} if mode else {}))._learner
    images, labels = toys.images(6, 5)
    store = ArrayStore(images, labels)
    sampler = EpisodeSampler(store.index, EpisodeSpec(way=3, query=2, rotations=True), 0)
    episodes = [sampler(i) for i in range(4)]
    for episode, logits in zip(episodes, episode_logits(learner, Validation(store, episodes))(episodes), strict=True):
        task, weights = task_arrays(store, episode), learner.values()
        support, query = (to_unit_range(tf.constant(part)) for part in (task.support, task.query))
        state = learner.adapt(weights, support, tf.constant(episode.support.labels), 3)
        expected = np.asarray(learner.predict(weights, state, query))
        assert logits.shape == (6, 3)
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)


def test_each_image_is_embedded_once(monkeypatch):
    """Twenty episodes of 2 + 6 images draw 160 of a store of 12."""
    learner = toys.trained("protonet")._learner
    images, labels = toys.images(3, 4)
    store, read = ArrayStore(images, labels), []
    pixels = store.pixels
    monkeypatch.setattr(store, "pixels", lambda draw: read.extend(draw.rows) or pixels(draw))
    sampler = EpisodeSampler(store.index, EpisodeSpec(way=2, query=3), 0)
    episodes = [sampler(i) for i in range(20)]
    logits = episode_logits(learner, Validation(store, episodes))
    read.clear()  # it has looked at the shape of one
    before = list(logits(episodes))
    assert len(before) == 20 and sorted(read) == list(range(12))
    assert len(list(logits(episodes[:3]))) == 3 and len(read) == 12, "nor again with the same weights"
    kernel = learner.variables().base[0]
    kernel.assign(2 * kernel)
    after = list(logits(episodes))
    assert len(read) == 24 and not np.allclose(before[0], after[0])


def test_accuracy_and_loss_by_hand():
    """Of three queries two are right; a distractor does not count. Two logits apart by ln 3 say 3/4 and 1/4."""
    logits = np.array([[np.log(3), 0], [0, np.log(3)], [np.log(3), 0], [9, 0]], np.float32)
    accuracy, loss = accuracy_and_loss(logits, np.array([0, 1, 1, -1]))
    assert accuracy == pytest.approx(2 / 3)
    assert loss == pytest.approx(-(2 * np.log(3 / 4) + np.log(1 / 4)) / 3, rel=1e-6)
