"""The content of metrics.json as types; docs/metrics.md explains every key."""

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


class FurtherSummary(Summary):
    """The metrics on the episodes of one further specification."""

    name: str
    way: int | list[int]
    shot: int | list[int]
    query: int


class Rival(TypedDict, total=False):
    """A baseline or the latest blessed model. If it could not be compared, it has only the reason, `not_comparable`."""

    accuracy: float
    ci95: float
    log_loss: float
    ece: float
    episodes: int
    difference: Difference
    learner: str
    base_model: str
    batch_norm: str
    inductive: bool
    not_comparable: str


class Independence(TypedDict):
    """The result of the independence check."""

    checked: int
    max_difference: float
    tolerance: float
    holds: bool


class LabelSpread(TypedDict):
    """How much the accuracy of a fixed head depends on the order of the classes."""

    episodes: int
    namings: int
    std: float


class Compared(Summary):
    """The metrics of the candidate beside those of its rivals; the gate decides on these."""

    baselines: dict[str, Rival]
    previous: Rival | None
    independence: Independence


class Verdict(Compared):
    """The metrics and the decision of the gate."""

    blessed: bool
    reasons: list[str]
    gate: dict[str, float | bool]


class Metrics(Verdict):
    """All of metrics.json."""

    way: int | list[int]
    shot: int | list[int]
    query: int
    learner: str
    base_model: str
    batch_norm: str
    inductive: bool
    seed: int
    episodes_hash: str
    warm_start: bool
    also: list[FurtherSummary]
    label_spread: LabelSpread | None
