"""Episodes: worked by hand, then properties."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.episodes.episode import DISTRACTOR, ClassIndex, Episode, EpisodeSpec, few_of_each
from components.fewshot.episodes.frozen import episodes_hash, from_example, read_frozen, to_example
from components.fewshot.episodes.randomness import Random
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.integrity import Incomplete


def index_of(counts: list[int], domains: list[str] | None = None) -> ClassIndex:
    names = tuple(f"class{i:03}" for i in range(len(counts)))
    return ClassIndex(names, tuple(domains or [""] * len(counts)), np.concatenate([[0], np.cumsum(counts)]))


def as_lists(episode: Episode) -> list:
    sides = [[column.tolist() for column in draw] for draw in (episode.support, episode.query)]
    return [episode.index, episode.class_ids.tolist(), *sides]


def test_the_only_possible_episode():
    # Two classes of one image each to learn from and one to ask: whatever the dice, these rows take part.
    episode = EpisodeSampler(index_of([2, 2]), EpisodeSpec(way=2, shot=1, query=1), seed=0)(0)
    assert sorted(episode.class_ids) == [0, 1]
    assert episode.support.labels.tolist() == [0, 1] and episode.query.labels.tolist() == [0, 1]
    for label, class_id in enumerate(episode.class_ids):
        rows = {int(episode.support.rows[label]), int(episode.query.rows[label])}
        assert rows == {2 * class_id, 2 * class_id + 1}


def test_an_episode_never_changes():
    # Pinned: another value here means that every frozen episode in the world has changed.
    sampler = EpisodeSampler(index_of([5] * 6), EpisodeSpec(way=3, shot=1, query=2, rotations=True), seed=7)
    assert as_lists(sampler(11)) == PINNED


PINNED = [
    11,
    [16, 22, 4],
    [[22, 23, 22], [2, 3, 0], [0, 1, 2]],
    [[21, 24, 24, 22, 21, 23], [2, 2, 3, 3, 0, 0], [0, 0, 1, 1, 2, 2]],
]


def test_classes_too_small_are_never_drawn():
    sampler = EpisodeSampler(index_of([3, 2, 3, 3]), EpisodeSpec(way=2, shot=1, query=2), seed=0)
    assert {int(c) for i in range(50) for c in sampler(i).class_ids} == {0, 2, 3}


def test_choose_is_uniform():
    # 3 of 4 in order: 24 arrangements, each expected 1000 times with a standard deviation of 31.
    draws = [tuple(Random(0, i).choose(4, 3)) for i in range(24_000)]
    counts = np.unique(draws, axis=0, return_counts=True)[1]
    assert len(counts) == 24 and counts.min() > 850 and counts.max() < 1150


@st.composite
def cases(draw):
    way = draw(st.integers(2, 5))
    shot = (draw(st.integers(1, 2)), draw(st.integers(2, 4)))
    spec = EpisodeSpec(
        way=(2, way), shot=shot, query=draw(st.integers(1, 3)), rotations=draw(st.booleans()),
        within_domain=draw(st.booleans()), distractors=draw(st.integers(0, 2)),
    )  # fmt: skip
    counts = draw(st.lists(st.integers(7, 12), min_size=14, max_size=20))
    domains = [f"domain{i % 2}" for i in range(len(counts))]
    return index_of(counts, domains), spec, draw(st.integers(0, 2**32)), draw(st.integers(0, 10**6))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cases())
def test_properties_of_any_episode(case):
    index, spec, seed, i = case
    episode = EpisodeSampler(index, spec, seed)(i)
    count = len(index.names)
    way_low, way_high = spec.way_range
    assert way_low <= episode.way <= way_high and spec.shot_range[0] <= episode.shot <= spec.shot_range[1]
    assert len(set(episode.class_ids.tolist())) == episode.way
    support, query = episode.support, episode.query
    assert np.bincount(support.labels).tolist() == [episode.shot] * episode.way
    assert np.bincount(query.labels[query.labels >= 0]).tolist() == [spec.query] * episode.way
    assert np.sum(query.labels == DISTRACTOR) == spec.distractors * spec.query
    drawn = [(int(r), int(t)) for d in (support, query) for r, t in zip(d.rows, d.turns, strict=True)]
    assert len(set(drawn)) == len(drawn), "support and query share an image"
    classes = np.searchsorted(index.starts, support.rows, side="right") - 1
    assert (support.turns * count + classes == episode.class_ids[support.labels]).all()
    if spec.within_domain:
        rows = np.concatenate([support.rows, query.rows])
        assert len({index.domains[c] for c in np.searchsorted(index.starts, rows, side="right") - 1}) == 1
    if not spec.rotations:
        assert not support.turns.any() and not query.turns.any()
    again = EpisodeSampler(index, spec, seed)(i)
    assert as_lists(again) == as_lists(episode)
    assert as_lists(from_example(to_example(episode))) == as_lists(episode)


def test_episodes_differ_by_number_and_seed():
    index, spec = index_of([20] * 40), EpisodeSpec()
    drawn = [as_lists(EpisodeSampler(index, spec, seed)(i))[1:] for seed in range(5) for i in range(5)]
    assert len({str(one) for one in drawn}) == 25


def test_hash_sees_content_not_order():
    index = index_of([5] * 6)
    sampler = EpisodeSampler(index, EpisodeSpec(way=3, query=2), 0)
    episodes = [sampler(i) for i in range(4)]
    ids = [f"image{i}" for i in range(30)]
    assert episodes_hash(episodes, index, ids) == episodes_hash(episodes[::-1], index, ids)
    assert episodes_hash(episodes, index, ids) != episodes_hash(episodes[:3], index, ids)
    assert episodes_hash(episodes, index, ids) != episodes_hash(episodes, index, ids[::-1])


@pytest.mark.parametrize(
    ("counts", "spec", "said"),
    [
        ([20] * 4, EpisodeSpec(way=5), "need 5 classes of at least 16 images each, but only 4 of 4"),
        ([20] * 4 + [3] * 9, EpisodeSpec(way=5), "only 4 of 13"),
        ([20] * 4, EpisodeSpec(way=(2, 5)), "2..5-way 1-shot"),
        ([20] * 4, EpisodeSpec(way=4, distractors=1), "need 5 classes"),
        ([20] * 8, EpisodeSpec(way=5, within_domain=True), "of the same domain"),
    ],
)
def test_too_few_classes(counts, spec, said):
    domains = [f"domain{i % 2}" for i in range(len(counts))]
    with pytest.raises(ValueError, match="or lower way, shot or query") as error:
        EpisodeSampler(index_of(counts, domains), spec, 0)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "bad", [{"way": 1}, {"way": (5, 3)}, {"shot": 0}, {"query": 0}, {"distractors": -1}, {"ways": 5}]
)
def test_specifications_that_make_no_sense(bad):
    with pytest.raises(ValueError):
        EpisodeSpec(**bad)


def test_frozen_episodes_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected frozen episodes"):
        read_frozen(str(tmp_path))


@pytest.mark.parametrize(
    ("numbers", "count", "said"),
    [
        ([0, 1, 2], 4, r"expected 4 episodes by number, got 3 \(number 3 is missing\)"),
        ([0, 2, 3], None, r"expected 3 episodes by number, got 3 \(number 1 is missing, 1 more than there should be\)"),
        ([0, 1, 1], 3, r"number 2 is missing, 1 more"),
    ],
)
def test_each_frozen_episode_is_there_once(tmp_path, numbers, count, said):
    sampler = EpisodeSampler(index_of([3, 3]), EpisodeSpec(way=2, shot=1, query=1), seed=0)
    with tf.io.TFRecordWriter(str(tmp_path / "episodes-00000-of-00001.tfrecord")) as writer:
        for number in numbers:
            writer.write(to_example(sampler(number)))
    with pytest.raises(Incomplete, match=said):
        read_frozen(str(tmp_path), count=count)
    assert len(read_frozen(str(tmp_path))) == 3 if numbers == [0, 1, 2] else True


@given(st.lists(st.integers(-1, 6), max_size=40), st.integers(1, 50))
def test_few_of_each_label(labels, most):
    values = np.array(labels, np.int32)
    places = few_of_each(values, most)
    kinds = np.unique(values)
    each = max(1, most // max(1, len(kinds)))
    assert places.tolist() == sorted(places.tolist()) and len(places) <= max(most, len(kinds))
    for one in kinds:
        assert np.flatnonzero(values == one)[:each].tolist() == [i for i in places if values[i] == one]


def test_an_episode_with_few_of_its_queries():
    index = ClassIndex.of([("a", "", 9), ("b", "", 9)])
    episode = EpisodeSampler(index, EpisodeSpec(way=2, shot=1, query=6), 0)(4)
    few = episode.with_queries(5)
    assert few.query.labels.tolist() == [0, 0, 1, 1] and few.index == 4
    assert few.query.rows.tolist() == episode.query.rows[[0, 1, 6, 7]].tolist()
    assert few.support is episode.support
