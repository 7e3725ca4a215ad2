"""Intervals over classes: what to expect on other classes of this kind, from results on these.

Episodes share classes and images, so they are not independent, and more of them say ever more exactly how good a model is *on
these classes*, but nothing more about others. The mean over episodes is a U-statistic: a mean over sets of classes (Hoeffding
1948). Its variance over the choice of classes is estimated by the delete-one jackknife (Arvesen 1969), which leaves out one
class, with all episodes that it takes part in, at a time. Images are nested in classes, so their choice is counted too.
Efron and Stein (1981) show that the estimate is not too small on average. `benchmarks/intervals.py` shows how often the
intervals hold the truth, and what else was tried.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, stdtrit

from components.fewshot.evaluation.summary import OverClasses

LEVEL = 0.95


class Jackknife(NamedTuple):
    """A mean over episodes, and what it becomes without each class.

    Attributes:
      mean: over all episodes.
      without: [C], over the episodes without each class.
      share: of the jackknife's variance that is counted. It contains what comes from the number of episodes, which is smaller
        without a class. Half of that is left out: all of it would be right on average, but where a few classes are much harder
        than the others, the interval would then hold the truth too rarely (`benchmarks/intervals.py`).
    """

    mean: float
    without: np.ndarray
    share: float

    def half_width(self, values: np.ndarray) -> float:
        """Half the width of the interval around the mean, on the scale of `values` [C], those of `without`.

        Without its other part the variance is known less well, and Student's t has fewer degrees of freedom (Satterthwaite
        1946). Where this would make the interval wider, as with few classes, that part is left in.
        """
        count, variance = len(values), _spread(values)
        whole = _quantile(count - 1) * math.sqrt(variance)
        part = _quantile((count - 1) * self.share**2) * math.sqrt(self.share * variance)
        return min(whole, part)


def accuracy_over_classes(values: Sequence[float], names: Sequence[frozenset[str]]) -> OverClasses | None:
    """95 % interval over classes of a mean accuracy.

    It is symmetric on the scale of log-odds. Near 100 % accuracies are skewed: a few classes are much harder than the others,
    and a test set without them looks better than it is.

    Args:
      values: the accuracy of each episode.
      names: the classes of each episode.

    Returns:
      None where there are fewer classes than two episodes without a common class need.
    """
    found = jackknife(values, names)
    if found is None:
        return None
    count, mean = len(found.without), found.mean
    if mean in (0, 1):
        least = (1 - LEVEL) / 2
        alike = least ** (1 / count)  # as if each class were right or wrong as a whole (Clopper and Pearson 1934)
        low, high = (mean if mean < 1 else alike), (mean if mean > 0 else 1 - alike)
        return {"low": low, "high": high, "classes": count}
    edge = 1 / (2 * count * len(values))
    centre, without = (logit(np.clip(part, edge, 1 - edge)) for part in (mean, found.without))
    half = found.half_width(without)
    low, high = (float(expit(bound)) for bound in (centre - half, centre + half))
    return {"low": min(low, mean), "high": max(high, mean), "classes": count}  # whatever rounding does


def difference_over_classes(values: Sequence[float], names: Sequence[frozenset[str]]) -> OverClasses | None:
    """95 % interval over classes of a mean difference; arguments and None as for `accuracy_over_classes`."""
    found = jackknife(values, names)
    if found is None:
        return None
    half = found.half_width(found.without)
    return {"low": found.mean - half, "high": found.mean + half, "classes": len(found.without)}


def jackknife(values: Sequence[float], names: Sequence[frozenset[str]]) -> Jackknife | None:
    """Leaves out one class at a time; None where there are fewer than twice the classes of an episode."""
    number = {name: i for i, name in enumerate(sorted(frozenset().union(*names)))}
    count, total = len(number), len(values)
    episode = np.repeat(np.arange(total), [len(of) for of in names])
    member = np.array([number[name] for of in names for name in sorted(of)])
    numbers = np.asarray(values, np.float64)
    left = total - np.bincount(member, minlength=count)  # [C] episodes without each class
    if count < 2 * max(map(len, names)) or not left.all():
        return None
    mean = math.fsum(values) / total
    deviations = numbers - mean
    without = mean - np.bincount(member, deviations[episode], count) / left
    own = math.fsum(deviations**2) / (total - 1) / total if total > 1 else 0.0
    raw = _spread(without)
    # Without a class there are fewer episodes, and their mean varies more for this reason alone.
    by_number = own * ((count - 1) / count * math.fsum(total / left - 1) - 1)
    due = min(max(raw - by_number, own) / raw, 1.0) if raw > 0 else 1.0
    return Jackknife(mean, without, (1 + due) / 2)


def cannot_tell(classes: int, way: int, lower: str = "episodes.way") -> str:
    """The sentence for where there is no interval over classes; `lower` is the setting that the reader can lower."""
    return (
        f"{classes} test classes at {way}-way cannot tell what to expect on other classes, because any two episodes share "
        f"classes: add test classes ({max(2 * way - classes, 1)} or more), or lower {lower}"
    )


def _spread(without: np.ndarray) -> float:
    """The jackknife's variance of the values [C] without each class."""
    count = len(without)
    return (count - 1) / count * math.fsum((without - without.mean()) ** 2)


def _quantile(freedom: float) -> float:
    """Of Student's t with so many degrees of freedom."""
    return float(stdtrit(freedom, 1 - (1 - LEVEL) / 2))
