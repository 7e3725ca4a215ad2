"""The inputs of the report."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from components.few_shot_evaluator.metrics_json import Metrics
from components.fewshot.training.history import History


class DrawnImage(NamedTuple):
    """One image of an episode as the report shows it."""

    image: bytes  # encoded
    label: str  # name of its true class
    predicted: str | None = None  # None in the support set
    probability: float | None = None  # of the predicted class


class DrawnEpisode(NamedTuple):
    """One test episode as the report shows it."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    accuracy: float
    classes: list[str]
    support: list[DrawnImage]
    query: list[DrawnImage]

    @property
    def images(self) -> list[bytes]:
        """All of its images."""
        return [one.image for one in (*self.support, *self.query)]


class Drawn(Protocol):
    """An episode as the report shows it, of whatever kind of task."""

    @property
    def images(self) -> list[bytes]:
        """All of its images, encoded."""


class ReportInputs(NamedTuple):
    """Everything that the report shows; it has no section for an input that is None."""

    metrics: Metrics
    latency: dict[str, float]
    history: History | None  # history.json of the run that trained the model
    configuration: Mapping[str, object]
    data_summary: Mapping[str, object] | None  # summary.json of the examples
    rejected: list[dict[str, str]] | None  # rejected.json of the examples: `path` and `reason` of each file set aside
    lineage: Mapping[str, object]
    episodes: Sequence[Drawn]
    duplicates: list[list[dict[str, str]]] | None = None  # duplicates.json of the examples: the files of each picture
    classes: list[dict[str, object]] | None = None  # classes.json of the episodes: which classes they can use
    pictures: Mapping[str, bytes] = {}  # an encoded image of each class that is shown as confused, by its name
    drift: Mapping[str, object] | None = None  # drift.json: what came since the model in production
