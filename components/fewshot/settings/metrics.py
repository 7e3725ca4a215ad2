"""The figure that models of a kind of task are compared by, and the words of sentences about it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION


class Metric(NamedTuple):
    """The figure of a kind of task, a share in 0..1.

    Attributes:
      key: in metrics.json, in manifests, and in what commands print as JSON.
      name: in sentences and headings.
      shots: what a class gives to the support set.
      answers: what a model says.
    """

    key: str
    name: str
    shots: str
    answers: str

    def of(self, figures: Mapping[str, Any]) -> float:
        """The figure among others, such as those of metrics.json or of a rival in it."""
        return float(figures[self.key])


METRICS: Mapping[str, Metric] = {
    CLASSIFICATION: Metric("accuracy", "accuracy", "support images", "probabilities"),
    DETECTION: Metric("ap50", "AP50", "marked objects", "detections"),
}


def kind_of(figures: Mapping[str, Any]) -> str:
    """The kind of task that figures are of, which their keys tell.

    Raises:
      ValueError: they are of none that this version knows.
    """
    for kind, metric in METRICS.items():
        if metric.key in figures:
            return kind
    known = " or ".join(metric.key for metric in METRICS.values())
    raise ValueError(f"expected figures with {known}, got {', '.join(figures) or 'none'}")


def metric_of(figures: Mapping[str, Any]) -> Metric:
    """The metric of figures; raises ValueError as `kind_of` does."""
    return METRICS[kind_of(figures)]
