"""Strangers: by hand, and never of a class of the episode."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.episodes.episode import DISTRACTOR, ClassIndex, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.episodes.strangers import with_strangers


def episode_of(number, classes, query=2):
    """An episode whose images of class c are the rows 10 c, 10 c + 1 ..., the first of them support."""
    labels = np.arange(len(classes), dtype=np.int32)
    support = Draw(10 * np.array(classes), np.zeros_like(labels), labels)
    rows = np.concatenate([10 * c + 1 + np.arange(query) for c in classes])
    asked = Draw(rows, np.zeros(len(rows), np.int32), np.repeat(labels, query))
    return Episode(number, np.array(classes, np.int32), support, asked)


def test_the_queries_of_the_next_episode_without_its_own_classes():
    first, second = with_strangers([episode_of(0, [0, 1]), episode_of(1, [1, 2])], classes=9)
    assert first.query.rows.tolist() == [1, 2, 11, 12, 21, 22]
    assert first.query.labels.tolist() == [0, 0, 1, 1, DISTRACTOR, DISTRACTOR]
    assert second.query.rows.tolist() == [11, 12, 21, 22, 1, 2]
    assert first.support.rows.tolist() == [0, 10] and first.query.rows.dtype == np.int64


def test_an_episode_with_the_same_classes_is_passed_over():
    found = with_strangers([episode_of(0, [0, 1]), episode_of(1, [1, 0]), episode_of(2, [0, 3])], classes=9)
    assert found[0].query.rows.tolist()[4:] == [31, 32]


def test_without_other_classes_there_are_no_strangers():
    assert with_strangers([episode_of(0, [0, 1]), episode_of(1, [1, 0])], classes=2) == []
    assert with_strangers([episode_of(0, [0, 1])], classes=2) == []


def test_an_episode_without_strangers_is_left_out_and_leaves_no_gap():
    """The first has all classes, so that only the second and the third have strangers."""
    found = with_strangers([episode_of(0, [0, 1, 2]), episode_of(1, [0, 1]), episode_of(2, [1, 2])], classes=3)
    assert [(episode.index, episode.class_ids.tolist()) for episode in found] == [(0, [0, 1]), (1, [1, 2])]


def test_a_class_turned_is_no_stranger_to_itself():
    assert with_strangers([episode_of(0, [0, 1]), episode_of(1, [9, 10])], classes=9) == []


def test_episodes_that_were_drawn_with_distractors_stay_as_they_are():
    first, second = with_strangers([episode_of(0, [0, 1]), episode_of(1, [2, 3])], classes=9)
    assert with_strangers([first, second], classes=9) == [first, second]


@given(st.integers(2, 4), st.integers(0, 99))
def test_strangers_are_of_other_classes_and_the_rest_is_unchanged(way, seed):
    index = ClassIndex.of([(f"c{i}", "d", 6) for i in range(7)])
    sampler = EpisodeSampler(index, EpisodeSpec(way=way, query=3), seed)
    episodes = [sampler(i) for i in range(5)]
    before = {episode.support.rows.tobytes(): episode for episode in episodes}
    for episode in with_strangers(episodes, len(index.names)):
        plain, known = before[episode.support.rows.tobytes()], episode.query.labels != DISTRACTOR
        assert [values[known].tolist() for values in episode.query] == [v.tolist() for v in plain.query]
        assert known.sum() < len(known)
        assert not set(episode.query.rows[~known] // 6) & set(episode.class_ids)
