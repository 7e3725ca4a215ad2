"""Which classes episodes can use: worked by hand, and against what the sampler draws."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.episodes.classes import named, usable_classes
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler


def index_of(**classes: int) -> ClassIndex:
    """`index_of(a_oak=3)`: the class oak of domain a with 3 images."""
    return ClassIndex.of((name, name.split("_")[0], images) for name, images in sorted(classes.items()))


def test_classes_with_too_few_images_and_what_they_lack():
    usable = usable_classes(index_of(a_1=5, a_2=3, b_1=6, b_2=4, b_3=5), EpisodeSpec(way=3, shot=2, query=3), ["c_1"])
    assert usable.classes == 3 and [pool.tolist() for pool in usable.pools] == [[0, 2, 4]]
    assert usable.too_small == [
        {"class_name": "a_2", "images": 3, "lacks": 2, "domain_lacks": 0},
        {"class_name": "b_2", "images": 4, "lacks": 1, "domain_lacks": 0},
        {"class_name": "c_1", "images": 0, "lacks": 5, "domain_lacks": 0},
    ]
    assert named(usable.too_small) == "a_2 lacks 2, b_2 lacks 1, c_1 lacks 5"
    assert named(usable.too_small, 1) == "a_2 lacks 2 and 2 more"


def test_the_largest_shot_counts():
    assert usable_classes(index_of(a_1=5, a_2=6), EpisodeSpec(way=2, shot=(1, 3), query=3)).classes == 1


def test_a_class_alone_in_its_domain():
    spec = EpisodeSpec(way=(2, 3), shot=1, query=1, within_domain=True)
    usable = usable_classes(index_of(a_1=2, a_2=2, a_3=2, b_1=2, b_2=1), spec)
    assert usable.classes == 3 and [pool.tolist() for pool in usable.pools] == [[0, 1, 2]]
    assert named(usable.too_small) == "b_1 lacks 1 class beside it in its domain, b_2 lacks 1"
    assert [one["domain_lacks"] for one in usable.too_small] == [1, 0]


def test_turned_classes_keep_a_domain_in():
    spec = EpisodeSpec(way=4, shot=1, query=1, within_domain=True, rotations=True)
    usable = usable_classes(index_of(a_1=2, b_1=2, b_2=1), spec)
    assert usable.classes == 2 and len(usable.pools) == 2 and usable.most == 4
    more = usable_classes(index_of(a_1=2, b_1=2, b_2=2), spec.model_copy(update={"way": 6}))
    assert more.classes == 2 and more.too_small[0]["domain_lacks"] == 1


def test_too_few_is_one_sentence():
    usable = usable_classes(index_of(a_1=5, a_2=3), EpisodeSpec(way=2, shot=2, query=3), ["b_1"])
    assert usable.shortage("add classes to test", "episodes.way", " (4 files do not count)") == (
        "episodes of 2-way 2-shot with 3 query images need 2 classes of at least 5 images each, but only 1 of 3 have so many"
        " (4 files do not count): add classes to test (a_2 lacks 2, b_1 lacks 5), or lower episodes.way"
    )


def test_no_class_at_all():
    usable = usable_classes(index_of(), EpisodeSpec(way=2, within_domain=True))
    assert (usable.classes, usable.too_small, usable.pools) == (0, [], [])
    assert re.search("only 0 of 0 have so many: .*, or switch within_domain off$", usable.shortage() or "")


@st.composite
def cases(draw):
    spec = EpisodeSpec(
        way=(2, 3), shot=1, query=2, rotations=draw(st.booleans()), within_domain=draw(st.booleans()),
        distractors=draw(st.integers(0, 1)),
    )  # fmt: skip
    counts = draw(st.lists(st.integers(1, 4), min_size=3, max_size=8))
    domains = draw(st.lists(st.sampled_from("abc"), min_size=len(counts), max_size=len(counts)))
    rows = enumerate(zip(domains, counts, strict=True))
    return index_of(**{f"{domain}_{i}": count for i, (domain, count) in rows}), spec


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases())
def test_the_sampler_draws_exactly_these(case):
    index, spec = case
    usable = usable_classes(index, spec)
    assert usable.classes + len(usable.too_small) == len(index.names)
    if usable.shortage():
        with pytest.raises(ValueError, match="have so many"):
            EpisodeSampler(index, spec, 0)
        return
    sampler = EpisodeSampler(index, spec, 0)
    drawn = [sampler(i) for i in range(300)]
    rows = np.concatenate([draw.rows for episode in drawn for draw in (episode.support, episode.query)])
    seen = {index.names[c] for c in np.searchsorted(index.starts, rows, side="right") - 1}
    assert seen == set(index.names) - {one["class_name"] for one in usable.too_small}
