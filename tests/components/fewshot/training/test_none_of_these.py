"""The threshold for none of these: by hand, never more false alarms than were asked for, and as part of what is exported."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.store import ArrayStore
from components.fewshot.serving.manifest import Manifest
from components.fewshot.training.episode_logits import episode_logits
from components.fewshot.training.finish import finish
from components.fewshot.training.none_of_these import choose_threshold, threshold_of
from components.fewshot.training.selection import Validation
from tests.components.fewshot import toys


def test_by_hand():
    """Of twenty scores one may be below the threshold."""
    assert threshold_of(np.arange(20.0)[::-1], 0.05) == 1.0
    assert threshold_of(np.arange(19.0), 0.05) == 0.0, "a nineteenth is more than was asked for"


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=40), st.floats(0.01, 0.9))
def test_never_more_false_alarms_and_none_to_spare(scores, share):
    threshold = threshold_of(scores, share)
    assert np.mean(np.array(scores) < threshold) <= share
    higher = [score for score in scores if score > threshold]
    if higher:
        assert np.mean(np.array(scores) < min(higher)) > share, "a higher one has too many"


@pytest.fixture(scope="module")
def model():
    return toys.trained("protonet")


def validation_of(classes, way):
    images, labels = toys.images(classes, 6)
    store = ArrayStore(images, labels)
    sampler = EpisodeSampler(store.index, EpisodeSpec(way=way, query=3), 0)
    return Validation(store, [sampler(i) for i in range(12)])


def test_it_is_chosen_on_episodes_with_strangers(model):
    validation = validation_of(8, 3)
    logits = episode_logits(model._learner, validation)
    found = choose_threshold(validation, logits, 0.1)
    assert found["episodes"] == 12 and found["false_alarms"] <= 0.1 and 0 <= found["caught"] <= 1
    stricter = choose_threshold(validation, logits, 0.4)
    assert stricter["threshold"] > found["threshold"] and stricter["caught"] >= found["caught"]


def test_without_strangers_there_is_no_threshold(model):
    assert finish(model._learner, validation_of(3, 3)).none_of_these is None


def test_nobody_asks_for_a_threshold(model):
    """Baselines do without, and are calibrated all the same."""
    model._learner.temperature.assign(7.0)
    assert finish(model._learner, validation_of(8, 3), None).none_of_these is None
    assert float(model._learner.temperature) != 7.0
    assert finish(model._learner, None).none_of_these is None


def test_a_model_says_its_threshold(model, tmp_path):
    images, labels = toys.images(12, 8)
    once = {"epochs": 1, "steps_per_epoch": 1, "validation_episodes": 6, "verbose": False}
    model.fit(images, labels, validation_split=0, **once)
    model.export(str(tmp_path / "without"))
    assert Manifest.read(str(tmp_path / "without")).none_of_these == {}
    model.fit(images, labels, validation_split=0.5, **once)
    model.export(str(tmp_path / "with"))
    told = Manifest.read(str(tmp_path / "with")).none_of_these
    assert told.keys() == {"threshold", "false_alarms", "caught", "episodes"} and told["false_alarms"] <= 0.05
