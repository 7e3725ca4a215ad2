"""Which weights are kept: by the difference of two validations episode by episode, in values worked out by hand."""

import numpy as np
import pytest

from components.fewshot.training.selection import as_good_as_best, higher, out_of_patience, standard_error

# Hard and easy episodes: the mean is 0.5, and its standard error is 0.18, far more than any difference below.
HIGHEST = np.array([0.1, 0.1, 0.9, 0.9, 0.5])


def after(*lost: float) -> np.ndarray:
    """A validation that lost so much in each episode against the highest."""
    return HIGHEST - np.array(lost)


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        # mean 0.008, squared deviations 3 x 0.000064 + 0.000324 + 0.001764, variance 0.00057, standard error 0.0107: within
        ([0.0, 0.0, 0.0, -0.01, 0.05], True),
        # mean 0.02 in every episode alike: it is no chance, however the episodes differ among one another
        ([0.02, 0.02, 0.02, 0.02, 0.02], False),
        # mean 0.02, squared deviations 2 x 0.0004 + 2 x 0.0004 + 0, variance 0.0004, standard error 0.00894: beyond
        ([0.0, 0.0, 0.04, 0.04, 0.02], False),
        # mean 0.01, squared deviations 2 x 0.0009 + 2 x 0.0009 + 0, variance 0.0009, standard error 0.0134: within
        ([0.04, 0.04, -0.02, -0.02, 0.01], True),
        ([0.0, 0.0, 0.0, 0.0, 0.0], True),
    ],
)
def test_chance_does_not_choose(lost, kept):
    last = after(*lost)
    assert higher(last, HIGHEST) is HIGHEST
    assert as_good_as_best(last, HIGHEST) is kept


def test_unpaired_the_same_losses_would_all_have_been_chance():
    assert standard_error(HIGHEST) == pytest.approx(0.179, abs=1e-3)
    assert as_good_as_best(after(0.02, 0.02, 0.02, 0.02, 0.02), HIGHEST) is False


def test_the_highest_is_itself_kept():
    higher_one = HIGHEST + 0.01
    assert higher(higher_one, HIGHEST) is higher_one and as_good_as_best(higher_one, higher_one)
    first = np.array([0.3, 0.4])
    assert higher(first, np.zeros(0)) is first


def test_of_equal_means_the_earlier_one_stays():
    same_mean = HIGHEST[::-1].copy()
    assert higher(same_mean, HIGHEST) is HIGHEST and as_good_as_best(same_mean, HIGHEST)


def test_small_losses_do_not_add_up():
    """Each validation loses 0.006 against the one before; compared with the highest, the third has lost too much."""
    losses = [np.full(5, 0.006 * number) + np.array([0.02, -0.02, 0.0, 0.02, -0.02]) for number in range(1, 4)]
    # standard error: squared deviations 4 x 0.0004, variance 0.0004, 0.00894; means 0.006, 0.012, 0.018
    assert [as_good_as_best(HIGHEST - lost, HIGHEST) for lost in losses] == [True, False, False]


def test_one_episode_tells_nothing_of_chance():
    assert standard_error(np.array([0.4])) == 0.0
    assert as_good_as_best(np.array([0.4]), np.array([0.4])) and not as_good_as_best(np.array([0.39]), np.array([0.4]))


def test_patience_counts_validations_since_the_highest():
    rows = [{"accuracy": accuracy} for accuracy in (0.5, 0.6, 0.6, 0.55)]
    assert [out_of_patience(rows, patience) for patience in (0, 1, 2, 3)] == [False, True, True, False]
