"""The content of metrics.json as types; docs/metrics.md explains every key."""

from typing import Any, TypedDict

from components.fewshot.evaluation.summary import Difference, Independence, LabelSpread, NoneOfThese, OverClasses
from components.fewshot.training.history import Validated

BEFORE, NEW = "before", "new"  # keys of `arrivals`, and names of sets of episodes


class Figures(TypedDict, total=False):
    """The figure of the kind of task: its key is that of the metric (`settings.metrics`)."""

    accuracy: float
    ap50: float


class Shared(Figures):
    """What the summaries of all kinds of task have in common; the other keys of one are in the type of that kind, such as
    `evaluation.summary.Summary`."""

    ci95: float
    over_classes: OverClasses | None
    episodes: int
    classes: int
    by_shot: dict[str, Any]
    by_way: dict[str, Any]
    by_domain: list[Any]
    worst_domain: Any
    histogram: list[int]


class FurtherSummary(Shared):
    """The metrics on the episodes of one further specification."""

    name: str
    way: int | list[int]
    shot: int | list[int]
    query: int


class Rival(Figures, total=False):
    """A baseline, the model in production or the best one so far. If it could not be compared, `not_comparable` is the reason,
    and there are no figures; otherwise there are those too that are told of models of its kind."""

    version: str  # in the push destination
    ci95: float
    over_classes: OverClasses | None
    episodes: int
    difference: Difference
    validation: Validated | None  # of a candidate
    learner: str
    base_model: str
    batch_norm: str
    inductive: bool
    steps: int  # of its training
    not_comparable: str


class OnArrivals(Figures, total=False):
    """The candidate and the model in production on the test episodes that the latter was pushed by, or on episodes of the test
    classes that came since. If neither was judged on them, `not_judged` is the reason, and there are no figures."""

    way: int | list[int]
    shot: int | list[int]
    query: int
    episodes: int
    classes: int
    ci95: float
    production: float  # its figure
    difference: Difference
    not_judged: str


class Compared(Shared):
    """The metrics of the candidate beside those of its rivals; the gate decides on these."""

    baselines: dict[str, Rival]
    candidates: dict[str, Rival]  # that were not chosen; only shown
    production: Rival | None
    best: Rival | None
    arrivals: dict[
        str, OnArrivals
    ]  # by `before` and `new`; nothing where no test image came since the model in production
    warm_start: str | None
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
    steps: int
    seed: int
    episodes_hash: str
    served: list[str]
    chosen: str | None  # the name of the model among the candidates of its run
    validation: Validated | None
    also: list[FurtherSummary]
    label_spread: LabelSpread | None
    none_of_these: NoneOfThese | None  # None where no threshold was chosen, or no test episode has strangers
    advice: list[str]  # what to do next
