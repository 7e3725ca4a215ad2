"""The metrics of many episodes and the results of checks, as types."""

from typing import NotRequired, TypedDict


class Interval(TypedDict):
    """The mean accuracy over episodes, with half the width of its 95 % interval."""

    accuracy: float
    ci95: float
    episodes: int


class Difference(TypedDict):
    """The mean difference in accuracy on the same episodes, with half the width of its 95 % interval."""

    mean: float
    ci95: float


class DomainAccuracy(TypedDict):
    """The share of correctly classified queries in one domain."""

    domain: str
    accuracy: float
    queries: int
    episodes: int


class ReliabilityBin(TypedDict):
    """The queries whose confidence is between `low` and `high`, with their mean confidence and accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


class Summary(Interval):
    """The metrics of one model on one set of episodes."""

    log_loss: float
    ece: float
    by_shot: dict[str, Interval]
    by_way: dict[str, Interval]
    by_domain: list[DomainAccuracy]
    worst_domain: DomainAccuracy | None
    histogram: list[int]
    reliability: list[ReliabilityBin]
    distractor_auroc: NotRequired[float]


class LabelSpread(TypedDict):
    """The standard deviation of accuracy over `namings` numberings of the classes, as the mean over `episodes`."""

    episodes: int
    namings: int
    std: float


class Independence(TypedDict):
    """Whether predictions were independent of the other queries in every episode that was checked."""

    checked: int
    max_difference: float
    tolerance: float
    holds: bool
