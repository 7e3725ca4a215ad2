"""Episodes of some images of a split are those that would be drawn if there were nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.frozen import episodes_hash
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.episodes.subset import subset_of

WHOLE = ClassIndex.of([("ash", "", 2), ("beech", "wood", 3), ("elm", "", 1), ("oak", "wood", 4)])
SPEC = EpisodeSpec(way=2, shot=1, query=1)


def test_by_hand():
    subset = subset_of(WHOLE, [False, False, True, False, True, False, False, True, True, True])
    assert subset.alone.names == ("beech", "oak") and subset.alone.domains == ("wood", "wood")
    assert subset.alone.starts.tolist() == [0, 2, 5]
    assert subset.classes.tolist() == [1, 3] and subset.rows.tolist() == [2, 4, 7, 8, 9]


def test_nothing_is_a_subset_too():
    subset = subset_of(WHOLE, np.zeros(10))
    assert subset.alone.names == () and subset.rows.tolist() == []
    with pytest.raises(ValueError, match="way"):
        subset.episodes(SPEC, 0, 1)


@given(kept=st.lists(st.booleans(), min_size=24, max_size=24), rotations=st.booleans(), seed=st.integers(0, 9))
def test_as_if_there_were_nothing_else(kept, rotations, seed):
    counts = {"ash": 6, "beech": 5, "elm": 7, "oak": 6}
    whole = ClassIndex.of((name, "", count) for name, count in counts.items())
    ids = [f"{name}/{number}" for name, count in counts.items() for number in range(count)]
    left = [one for one, is_kept in zip(ids, kept, strict=True) if is_kept]
    of_class = {name: sum(one.startswith(f"{name}/") for one in left) for name in counts}
    alone = ClassIndex.of((name, "", count) for name, count in of_class.items() if count)
    spec = EpisodeSpec(way=2, shot=(1, 2), query=1, rotations=rotations)
    try:
        sampler = EpisodeSampler(alone, spec, seed)
    except ValueError:
        with pytest.raises(ValueError):
            subset_of(whole, kept).episodes(spec, seed, 1)
        return
    ours = subset_of(whole, kept).episodes(spec, seed, 5)
    assert episodes_hash(ours, whole, ids) == episodes_hash(map(sampler, range(5)), alone, left)
