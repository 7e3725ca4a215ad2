"""Which further episodes are drawn: by hand."""

from components.episode_generator.classes import drawable
from components.episode_generator.settings import AlsoSpec
from components.fewshot.episodes.episode import ClassIndex

OPEN = {"way": None, "query": None}


def index_of(*counts):
    return ClassIndex.of((f"{number}", "", count) for number, count in enumerate(counts))


def further(**spec):
    return AlsoSpec.model_validate({"spec": spec, "episodes": 3})


def test_what_is_open_is_fitted():
    """Ten classes of 8 images: 5-way, and after 5 shots 3 queries are left."""
    (one,) = drawable([further(shot=5, **OPEN)], index_of(*[8] * 10))
    assert (one.spec.way, one.spec.shot, one.spec.query, one.episodes) == (5, 5, 3, 3)


def test_what_is_open_and_cannot_be_drawn_is_left_out():
    (one,) = drawable([further(shot=5, **OPEN), further(shot=2, **OPEN)], index_of(*[4] * 10))
    assert (one.spec.way, one.spec.shot, one.spec.query) == (5, 2, 2)


def test_what_is_asked_for_stays_whether_it_fits_or_not():
    (one,) = drawable([further(way=5, shot=5, query=15)], index_of(2, 2))
    assert (one.spec.way, one.spec.shot, one.spec.query) == (5, 5, 15)
