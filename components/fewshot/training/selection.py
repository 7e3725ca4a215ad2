"""Which weights are kept: chosen by accuracy on frozen episodes of the validation classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from components.fewshot.episodes.episode import Episode
from components.fewshot.images.store import PixelStore


class Validation(NamedTuple):
    """Frozen episodes of the meta-validation classes, and the store that they draw from."""

    store: PixelStore
    episodes: Sequence[Episode]


def as_good_as_best(validations: Sequence[dict[str, Any]]) -> bool:
    """Whether the last of them is within one standard error of the highest accuracy.

    The one-standard-error rule (Breiman et al. 1984): where chance may have made the difference, the weights that trained
    longer are preferred, for the learning rate falls and the best of many noisy figures is a lucky one.
    """
    highest = max(validations, key=lambda validation: validation["accuracy"])
    return bool(validations[-1]["accuracy"] >= highest["accuracy"] - highest["ci95"] / 1.96)
