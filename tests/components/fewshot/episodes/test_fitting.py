"""Episodes that are fitted to the images: worked by hand, and what holds for any classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec, WantedEpisodes
from components.fewshot.episodes.fitting import fitted, for_training

OPEN = WantedEpisodes(way=None, shot=None, query=None)


def index_of(*images: int, domains: str = "") -> ClassIndex:
    return ClassIndex.of((f"c{i:03}", domains[i] if domains else "d", count) for i, count in enumerate(images))


def sizes(spec: EpisodeSpec) -> tuple[object, object, int]:
    return spec.way, spec.shot, spec.query


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([4] * 3, (3, 1, 3)),
        ([2] * 2, (2, 1, 1)),
        ([2] * 200, (5, 1, 1)),
        ([50] * 100, (5, 1, 15)),
        ([2, 3, 5, 8, 8, 9, 20, 40, 60, 100, 300, 900], (4, 1, 7)),  # 9 of 12 have 8; two episodes of 4 fit into 9
        ([2, 10, 30, 100], (2, 1, 1)),  # the fewest classes that give an interval are all kept
        ([2, 10, 30, 100, 100], (2, 1, 9)),  # of five, one may go
        ([1, 1, 1, 6, 6], (2, 1, 5)),  # a class of one image is in no episode anyway
        ([1, 1], (2, 1, 1)),  # nothing fits: usable_classes says so
        ([], (2, 1, 1)),
    ],
)
def test_a_test_split_by_hand(images, expected):
    assert sizes(fitted(OPEN, test=index_of(*images))) == expected


def test_validation_classes_count_too():
    assert sizes(fitted(OPEN, index_of(4, 4, 4), test=index_of(*[9] * 20))) == (3, 1, 3)
    assert sizes(fitted(OPEN, index_of(*[9] * 5), test=index_of(*[9] * 10))) == (5, 1, 8)


def test_training_takes_all_its_classes_and_fewer_queries():
    assert sizes(for_training(OPEN, index_of(*[30] * 5))) == (5, 1, 5)
    assert sizes(for_training(OPEN, index_of(4, 4))) == (2, 1, 3)
    assert sizes(for_training(OPEN, index_of(*[30] * 50))) == (20, 1, 5)
    assert sizes(for_training(OPEN)) == (20, 1, 5)


def test_of_images_with_boxes_there_are_fewer():
    objects = index_of(*[90] * 50)._replace(distinct=np.full(50, 30))
    assert sizes(fitted(OPEN, test=objects)) == (5, 1, 2)
    assert sizes(for_training(OPEN, objects)) == (5, 1, 1)
    assert sizes(fitted(OPEN, test=index_of(9, 9, 9)._replace(distinct=np.array([2, 2, 2])))) == (3, 1, 1)


def test_what_is_set_stays():
    test = index_of(3, 4, 8, 8)
    assert sizes(fitted(WantedEpisodes(way=3, shot=5, query=9), test=test)) == (3, 5, 9)
    assert sizes(fitted(WantedEpisodes(way=None, shot=(1, 3), query=None), test=test)) == (3, (1, 3), 1)
    assert sizes(fitted(WantedEpisodes(way=None, query=7), test=test)) == (2, 1, 7)
    assert sizes(fitted(WantedEpisodes(way=(2, 4), query=None), test=index_of(3, 9, 9, 9, 9, 9))) == ((2, 4), 1, 8)
    assert sizes(fitted(WantedEpisodes(way=6, query=None), test=index_of(3, 9, 9, 9, 9, 9))) == (6, 1, 2)


def test_turned_classes_domains_and_distractors():
    assert fitted(OPEN.model_copy(update={"rotations": True}), index_of(4, 4)).way == 5  # of eight
    alone = OPEN.model_copy(update={"within_domain": True})
    assert fitted(alone, index_of(4, 4, 4, 4, domains="aaab")).way == 3
    assert fitted(OPEN.model_copy(update={"distractors": 2}), index_of(4, 4, 4, 4, 4)).way == 3


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=30))
def test_what_fits_can_be_drawn_and_leaves_few_out(images):
    test = index_of(*images)
    spec = fitted(OPEN, test=test)
    usable = usable_classes(test, spec)
    able = sum(count > 1 for count in images)
    assert bool(usable.shortage()) == (able < 2)
    if able >= 2:
        assert usable.classes >= max(0.75 * able, min(able, 4)) and 1 <= spec.query <= 15 and spec.way <= 5
        assert usable.classes < 4 or usable.classes >= 2 * spec.way, "an interval over classes can be told"
