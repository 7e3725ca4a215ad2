"""The plots that only the report of a detector has."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.few_shot_evaluator.report.plots import BAD, OURS, new_figure, reliability, svg_of
from components.fewshot.evaluation.detection_summary import CurvePoint, SizeAp


def of_scenes(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Returns the plots by name; a plot without data is left out."""
    found = {"by_size": by_size(metrics["by_size"])}
    if metrics["curve"]:
        served = metrics["threshold"], metrics["recall"], metrics["precision"]
        found["curve"] = precision_recall(metrics["curve"], *served)
        found["reliability"] = reliability(metrics["reliability"], "score", "right detections")
    if metrics["proposal_recall"]:
        found["proposals"] = proposals(metrics["proposal_recall"])
    return found


def precision_recall(curve: Sequence[CurvePoint], threshold: float, recall: float, precision: float | None) -> str:
    """Plots precision against recall over all thresholds; a dot marks the one of the served model, if it shows anything."""
    figure, axes = new_figure(3.2, 3.6)
    recalls, precisions = ([100 * point[key] for point in curve] for key in ("recall", "precision"))
    axes.plot(recalls, precisions, color=OURS, lw=1.8)
    if precision is not None:
        at = 100 * recall, 100 * precision
        axes.plot(*at, "o", color=BAD, markersize=8, clip_on=False)
        axes.annotate(f"score ≥ {threshold:.2f}", at, (8, 8), textcoords="offset points", color=BAD)
    axes.set_xlim(0, 102)
    axes.set_ylim(0, 102)
    axes.set_xlabel("recall: objects that are found, %")
    axes.set_ylabel("precision: detections that are right, %")
    return svg_of(figure)


def by_size(sizes: Mapping[str, SizeAp | None]) -> str:
    """Plots the mean average precision of small, medium and large objects; a size that there is none of has no bar."""
    figure, axes = new_figure(2.0)
    for place, (name, found) in enumerate(sizes.items()):
        value = 100 * found["mean_ap"] if found else 0.0
        axes.barh(place, value, 0.6, color=OURS)
        axes.text(value + 1, place, f"{value:.1f}" if found else f"no {name} objects", va="center")
    axes.set_yticks(range(len(sizes)), list(sizes))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("mAP, %")
    axes.grid(axis="y", visible=False)
    return svg_of(figure)


def proposals(recall: Mapping[str, float]) -> str:
    """Plots the recall of the first proposals of an image, by how many they are."""
    figure, axes = new_figure(2.4)
    counts = [int(count) for count in recall]
    axes.plot(counts, [100 * share for share in recall.values()], "o-", color=OURS, lw=1.8)
    axes.set_xticks(counts)
    axes.set_xlim(0, None)
    axes.set_ylim(0, 100)
    axes.set_xlabel("proposals of an image")
    axes.set_ylabel("average recall, %")
    return svg_of(figure)
