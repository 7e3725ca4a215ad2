"""What a report is made of."""

from typing import Any, NamedTuple


class DrawnImage(NamedTuple):
    """One image of an episode as it is shown."""

    image: bytes  # encoded
    label: str  # name of its true class
    predicted: str | None = None  # None in the support set
    probability: float | None = None  # of the predicted class


class DrawnEpisode(NamedTuple):
    """One test episode in pictures."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    accuracy: float
    classes: list[str]
    support: list[DrawnImage]
    query: list[DrawnImage]


class ReportInputs(NamedTuple):
    """Everything that the report shows; what is None is left out of it."""

    metrics: dict[str, Any]  # metrics.json
    latency: dict[str, Any]
    history: dict[str, Any] | None  # history.json of the run that trained the model
    configuration: dict[str, Any]
    data_summary: dict[str, Any] | None  # summary.json of the examples
    rejected: list[dict[str, str]] | None  # rejected.json of the examples: `path` and `reason` of each file set aside
    lineage: dict[str, Any]
    episodes: list[DrawnEpisode]
