"""The metrics of many episodes and the results of checks, as types."""

from typing import NotRequired, TypedDict


class OverClasses(TypedDict):
    """A 95 % interval over the choice of `classes` test classes: what to expect on other classes of this kind."""

    low: float
    high: float
    classes: int


class Interval(TypedDict):
    """The mean accuracy over episodes, with half the width of its 95 % interval over episodes of these classes."""

    accuracy: float
    ci95: float
    episodes: int


class Difference(TypedDict):
    """The mean difference in accuracy on the same episodes, with both intervals; `over_classes` is None where the classes
    cannot tell."""

    mean: float
    ci95: float
    over_classes: OverClasses | None


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


class ConfusedPair(TypedDict):
    """Two classes in the episodes that both are in: how many of their queries were predicted as the other of the two."""

    classes: list[str]
    share: float
    confused: int
    queries: int
    episodes: int


class Confusions(TypedDict):
    """The pairs of classes that are confused most, first the most confused; and for the classes in them, by rows, the share of
    the queries of a class that was predicted as another one that was there (None for the class itself, and for pairs that never
    met)."""

    pairs: list[ConfusedPair]
    classes: list[str]
    matrix: list[list[float | None]]


class NoneOfThese(TypedDict):
    """What the threshold of familiarity does below which a query is said to be of none of the classes.

    `false_alarms` is the share of the queries of the classes below it, `caught` that of strangers, and `auroc` the probability
    that a query of the classes is more familiar than a stranger.
    """

    threshold: float
    false_alarms: float
    caught: float
    auroc: float
    episodes: int


class Summary(Interval):
    """The metrics of one model on one set of episodes."""

    over_classes: OverClasses | None
    classes: int
    log_loss: float
    ece: float
    by_shot: dict[str, Interval]
    by_way: dict[str, Interval]
    by_domain: list[DomainAccuracy]
    worst_domain: DomainAccuracy | None
    histogram: list[int]
    reliability: list[ReliabilityBin]
    confusions: Confusions
    distractor_auroc: NotRequired[float]


class LabelSpread(TypedDict):
    """The standard deviation of accuracy over `namings` numberings of the classes, as the mean over `episodes`."""

    episodes: int
    namings: int
    std: float


class Agreement(TypedDict):
    """Whether probabilities were the same, within the tolerance, in every episode that was checked."""

    checked: int
    max_difference: float
    tolerance: float
    holds: bool


class Independence(Agreement):
    """Whether predictions were independent of the other queries; and whether those by features, on which a model was judged,
    agree with `serving_default` (None if it does not take features)."""

    by_features: Agreement | None
