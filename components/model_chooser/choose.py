"""The choice among the candidates of a run, by validation classes: test classes are for the verdict alone."""

from collections.abc import Sequence
from typing import TypedDict

from components.fewshot.training.history import Validated


class Candidate(TypedDict):
    """A model that was trained in a run, as it stands in choice.json."""

    name: str
    learner: str
    base_model: str
    trainable: str  # of the base model
    steps: int
    validation: Validated | None  # None where there are no validation classes
    seconds: float  # that its training took


class Choice(TypedDict):
    """The content of choice.json: all candidates in the order of the settings, and the name of the chosen one."""

    chosen: str
    candidates: list[Candidate]


def choose(candidates: Sequence[Candidate]) -> Choice:
    """Returns the choice: the highest accuracy on the validation episodes, which are the same for all; if two are equal, or
    nothing was validated, the one that comes first."""
    best = max(candidates, key=lambda one: one["validation"]["accuracy"] if one["validation"] else 0.0)
    return {"chosen": best["name"], "candidates": list(candidates)}
