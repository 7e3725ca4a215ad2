"""The metrics of a detector over many episodes. Every sum is exact or of integers, so that no order changes a digit."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from components.fewshot.evaluation.detection_summary import CurvePoint, DetectionSummary, DomainAp50, MeanAp50, SizeAp
from components.fewshot.evaluation.detections import FINE, KEPT, ClassFound, DetectionResult
from components.fewshot.evaluation.intervals import accuracy_over_classes
from components.fewshot.evaluation.matching import SIZES, THRESHOLDS
from components.fewshot.evaluation.metrics import (
    by_shot,
    by_way,
    expected_calibration_error,
    histogram,
    in_order,
    mean_and_ci95,
    pooled_bins,
    reliability,
)
from components.fewshot.evaluation.results import Bin


def summarise(results: Iterable[DetectionResult]) -> DetectionSummary:
    """The metrics of many episodes.

    Raises:
      ValueError: no episode.
    """
    results = in_order(results)
    bins = pooled_bins([result.bins for result in results])
    objects, found, wrong = (sum(getattr(one, key) for one in results) for key in ("objects", "found", "wrong"))
    by_domain = _by_domain(results)
    rows = reliability(pooled_bins([bins[start::FINE] for start in range(FINE)]))  # each FINE neighbours as one
    return {
        **_mean_ap50(results),
        "over_classes": accuracy_over_classes([r.figure for r in results], [r.names for r in results]),
        "classes": len(frozenset().union(*(result.names for result in results))),
        "mean_ap": _mean([result.mean_ap for result in results]),
        "ap75": _mean([result.ap75 for result in results]),
        "by_size": _by_size(results),
        "proposal_recall": _proposal_recall(results),
        "threshold": results[0].threshold,
        "precision": found / (found + wrong) if found + wrong else None,
        "recall": found / objects,
        "false_positives": wrong / sum(result.images for result in results),
        "reliability": rows,
        "ece": expected_calibration_error(rows) if any(row["count"] for row in rows) else None,
        "curve": _curve(bins, objects),
        "by_shot": {key: _mean_ap50(some) for key, some in by_shot(results).items()},
        "by_way": {key: _mean_ap50(some) for key, some in by_way(results).items()},
        "by_domain": by_domain,
        "worst_domain": by_domain[0] if by_domain else None,
        "histogram": histogram(results),
    }


def _mean_ap50(results: Sequence[DetectionResult]) -> MeanAp50:
    mean, half = mean_and_ci95([result.figure for result in results])
    return {"ap50": mean, "ci95": half, "episodes": len(results)}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _by_size(results: Sequence[DetectionResult]) -> dict[str, SizeAp | None]:
    found: dict[str, SizeAp | None] = {}
    for place, size in enumerate(list(SIZES)[1:]):  # the first is all
        values = [value for result in results if (value := result.by_size[place]) is not None]
        found[size] = {"mean_ap": _mean(values), "episodes": len(values)} if values else None
    return found


def _proposal_recall(results: Sequence[DetectionResult]) -> dict[str, float] | None:
    proposed = [result.proposed for result in results if result.proposed]
    due = len(THRESHOLDS) * sum(one.objects for one in proposed)
    return {str(kept): sum(one.found[i] for one in proposed) / due for i, kept in enumerate(KEPT)} if due else None


def _curve(bins: Sequence[Bin], objects: int) -> list[CurvePoint]:
    points: list[CurvePoint] = []
    count = right = 0
    for place, one in reversed(list(enumerate(bins))):
        count, right = count + one.count, right + one.correct
        if one.count:
            points.append({"threshold": place / len(bins), "precision": right / count, "recall": right / objects})
    return points


def _by_domain(results: Sequence[DetectionResult]) -> list[DomainAp50]:
    """The worst first."""
    found: dict[str, list[tuple[int, float, ClassFound]]] = defaultdict(list)
    for result in results:
        for one in result.classes:
            if one.ap50 is not None:
                found[one.domain].append((result.index, one.ap50, one))
    rows: list[DomainAp50] = [
        {
            "domain": name,
            "ap50": _mean([ap50 for _, ap50, _ in parts]),
            "objects": sum(one.objects for _, _, one in parts),
            "episodes": len({index for index, _, _ in parts}),
        }
        for name, parts in found.items()
    ]
    return sorted(rows, key=lambda row: (row["ap50"], row["domain"]))
