"""Episodes of scenes: what holds for every draw, and what is pinned so that no version draws others."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import DISTRACTOR, ClassIndex, EpisodeSpec
from components.fewshot.episodes.objects import Objects
from components.fewshot.episodes.scene_sampler import SceneSampler
from components.fewshot.episodes.scenes import NOTHING, STRANGER


def objects_of(images, classes):
    """The objects of images, each given as the classes in it (STRANGER or NOTHING for none)."""
    found = sorted(
        ((label < 0, abs(label), image, label) for image, labels in enumerate(images) for label in labels or [NOTHING])
    )
    labels = np.array([one[-1] for one in found], np.int32)
    inside = np.array([one[2] for one in found], np.int64)
    counts = [int((labels == c).sum()) for c in range(classes)]
    index = ClassIndex.of((f"class {c}", "", counts[c]) for c in range(classes))
    distinct = np.array([len(set(inside[labels == c])) for c in range(classes)])
    return Objects(index._replace(distinct=distinct), np.zeros((len(labels), 4), np.float32), inside, labels)


SIX = [[0], [0], [0, 1], [1], [1], [2], [2, 2], [2], [STRANGER], []]


@given(
    st.lists(st.lists(st.integers(-1, 4), max_size=5), min_size=20, max_size=40),
    st.integers(0, 2**32 - 1),
    st.integers(1, 2),
)
@settings(max_examples=60, deadline=None)
def test_what_holds_for_every_episode(images, number, shot):
    spec = EpisodeSpec(way=2, shot=shot, query=2, negatives=2)
    objects = objects_of(images, 5)
    assume(usable_classes(objects.index, spec).shortage() is None)
    episode = SceneSampler(objects, spec, 7)(number)
    support, query = episode.support, episode.query
    assert np.array_equal(objects.labels[support.rows], episode.class_ids[support.labels]), "an object of its class"
    assert len(set(support.rows)) == 2 * shot and np.bincount(support.labels).tolist() == [shot, shot]
    marked, asked = objects.images[support.rows], objects.images[query.rows]
    assert not set(marked) & set(asked) and len(set(asked)) == len(asked)
    for row, label in zip(query.rows, query.labels, strict=True):
        if label == DISTRACTOR:
            assert not objects.shows(row, episode.class_ids)
        else:
            assert objects.labels[row] == episode.class_ids[label]
    assert (np.bincount(query.labels[query.labels >= 0], minlength=2) <= 2).all()
    assert (query.labels == DISTRACTOR).sum() <= 2


def test_an_episode_is_pinned():
    episode = SceneSampler(objects_of(SIX, 3), EpisodeSpec(way=2, shot=1, query=2, negatives=2), 0)(3)
    assert episode.class_ids.tolist() == [2, 1] and episode.support.rows.tolist() == [6, 4]
    assert episode.query.rows.tolist() == [9, 7, 3, 5, 1, 11] and episode.query.labels.tolist() == [0, 0, 1, 1, -1, -1]


def test_images_without_anything_are_queries_too():
    sampler = SceneSampler(objects_of(SIX, 3), EpisodeSpec(way=2, shot=1, query=2, negatives=2), 0)
    empty = {int(row) for i in range(30) for row in sampler(i).query.rows if sampler.objects.labels[row] < 0}
    assert empty == {10, 11}, "the stranger and the image with nothing in it"


def test_a_class_is_counted_by_its_images():
    """Three objects in one image leave none to ask for."""
    objects = objects_of([[0, 0, 0], [1], [1], [1]], 2)
    with pytest.raises(ValueError, match=r"need 2 classes of at least 2 images each, but only 1 of 2 have so many"):
        SceneSampler(objects, EpisodeSpec(way=2, shot=1, query=1), 0)


def test_boxes_do_not_turn():
    for asked in ({"rotations": True}, {"distractors": 1}):
        with pytest.raises(ValueError, match=f"{next(iter(asked))}: expected none"):
            SceneSampler(objects_of(SIX, 3), EpisodeSpec(way=2, query=1, **asked), 0)


def test_an_episode_has_a_query_of_its_classes():
    """Both classes are in three images, and some draws of two objects of each take all of them."""
    sampler = SceneSampler(objects_of([[0, 1], [0, 1], [0, 1], [STRANGER]], 2), EpisodeSpec(way=2, shot=2, query=1), 0)
    assert all((sampler(i).query.labels >= 0).any() for i in range(50))


def test_where_no_query_is_left_it_is_a_sentence():
    """Two objects of each class are all there are, in the only two images."""
    objects = objects_of([[0, 1], [0, 1]], 2)
    sampler = SceneSampler(objects, EpisodeSpec(way=2, shot=1, query=1), 0)
    sampler.spec = EpisodeSpec(way=2, shot=2, query=1)
    with pytest.raises(ValueError, match="episode 0 of 2-way 2-shot: the marked objects leave no image"):
        sampler(0)
