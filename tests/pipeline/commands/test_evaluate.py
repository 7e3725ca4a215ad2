import pytest

from components.fewshot.episodes.episode import EpisodeSpec
from pipeline.commands.evaluate import check_counts, image_set_of, spec_of


def test_numbers_and_ranges():
    assert spec_of("5", "1", 15) == EpisodeSpec(way=5, shot=1, query=15)
    assert spec_of("5..10", "1..5", 3, True, True) == EpisodeSpec(
        way=(5, 10), shot=(1, 5), query=3, rotations=True, within_domain=True
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("five", "1", 15), r"^--way five: expected a number \(5\) or a range \(5..10\)"),
        (("5", "1-2", 15), r"^--shot 1-2: expected a number"),
        (("1", "1", 15), r"^--way: expected a number of at least 2"),
        (("5..3", "1", 15), r"^--way: expected a number of at least 2 or a range"),
        (("5..6..7", "1", 15), r"^--way: expected a whole number or a list of at most 2, got \(5, 6, 7\)"),
        (("5", "1", 0), r"^--query: expected at least 1, got 0"),
    ],
)
def test_errors_name_the_option(words, said):
    with pytest.raises(ValueError, match=said):
        spec_of(*words)


def test_episodes_and_seed():
    check_counts(2, 0)
    with pytest.raises(ValueError, match="^--episodes 1: expected at least 2"):
        check_counts(1, 0)
    with pytest.raises(ValueError, match="^--seed -1: expected 0 or more"):
        check_counts(2, -1)


def test_an_image_set_needs_splits():
    assert image_set_of(["a"], None, "test") is None
    assert image_set_of(["a", "b"], "s.json", "val").images == ("a", "b")
    with pytest.raises(ValueError, match="--split: no 'tset'; there are train, val, test"):
        image_set_of(["a"], None, "tset")
