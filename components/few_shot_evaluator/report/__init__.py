"""The report: a single HTML file that loads no other file."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from components.few_shot_evaluator.advice import few_classes
from components.few_shot_evaluator.gate import ARRIVALS
from components.few_shot_evaluator.metrics_json import FurtherSummary, Metrics, OnArrivals, Rival
from components.few_shot_evaluator.report import plots
from components.few_shot_evaluator.report.kinds import PAGES, Column
from components.few_shot_evaluator.report.numbers import bounds, percent, points, span
from components.few_shot_evaluator.report_inputs import ReportInputs
from components.fewshot.evaluation.intervals import cannot_tell
from components.fewshot.images.thumbnail import thumbnails
from components.fewshot.pages import environment
from components.fewshot.settings.metrics import Metric, kind_of, metric_of

DOMAINS = 6  # of the worst and of the best domains that are shown, if there are many


class Row(Rival):
    """A line in the table of models."""

    name: str
    means: str


def render(inputs: ReportInputs) -> str:
    """Returns the report as HTML; the same inputs give the same bytes."""
    metrics, images = inputs.metrics, images_in(inputs)
    metric, page = metric_of(metrics), PAGES[kind_of(metrics)]
    templates = environment(__name__)
    templates.filters |= {
        "percent": percent,
        "points": points,
        "bounds": bounds,
        "figure": metric.of,
        "first_up": first_up,
        "cells": partial(cells, page.columns),
        "thumbnail": dict(zip(images, thumbnails(images, page.side), strict=True)).__getitem__,
        "flat": flat,
        "episodes_title": episodes_title,
    }
    return templates.get_template(page.template).render(
        m=metrics,
        metric=metric,
        page=page,
        inputs=inputs,
        title=episodes_title(metrics),
        cannot_tell=cannot_tell(metrics["classes"], max(int(way) for way in metrics["by_way"])),
        few_classes=few_classes(metrics["classes"], metric) if metrics["over_classes"] else None,
        compared=compared(metrics),
        arrivals=ARRIVALS,
        untrained=best_untrained(metrics),
        domains=worst_and_best(metrics["by_domain"]),
        plots={name: Markup(svg) for name, svg in drawings(inputs).items()},
    )


def images_in(inputs: ReportInputs) -> list[bytes]:
    """Returns all images that the report shows, each once."""
    drawn = [image for episode in inputs.episodes for image in episode.images]
    return list(dict.fromkeys([*drawn, *inputs.pictures.values()]))


def drawings(inputs: ReportInputs) -> dict[str, str]:
    """Returns the plots by name; a plot without data is left out."""
    metrics, metric = inputs.metrics, metric_of(inputs.metrics)
    rows: list[dict[str, Any]] = [
        {"name": "this model", **metrics},
        *({**row} for row in compared(metrics) if metric.key in row),
    ]
    found = {
        "comparison": plots.comparison(
            [(row["name"], metric.of(row), *bounds_of(row, metric)) for row in rows], metric
        ),
        "histogram": plots.histogram(metrics["histogram"], metric),
        **PAGES[kind_of(metrics)].plots(metrics),
    }
    shots = shot_points(metrics)
    if len({shot for shot, *_ in shots}) > 1:
        found["by_shot"] = plots.by_shot(shots, metric)
    if inputs.history and inputs.history["steps"]:
        found["learning_curves"] = plots.learning_curves(inputs.history, metric)
    return found


def shot_points(metrics: Metrics) -> list[tuple[int, str, float, float]]:
    """Returns (shot, way, figure, half-width) for the main episodes and for each further specification."""
    rows, metric = [], metric_of(metrics)
    sets: list[Metrics | FurtherSummary] = [metrics, *metrics["also"]]
    for one in sets:
        series = f"{span(one['way'])}-way"
        rows += [(int(shot), series, metric.of(at), at["ci95"]) for shot, at in one["by_shot"].items()]
    return rows


def compared(metrics: Metrics) -> list[Row]:
    """Returns a row for each baseline and each candidate that was not chosen, and for the model in production and the best one so
    far if there are any: the strongest first."""
    explained = {
        "transfer": "transfer learning: a classifier trained on the same images, with a new head for each episode",
        "untrained": "the same learner before training",
        "pixels": "nearest class mean of the raw pixels",
        "head_steps": "the ordinary detector of `transfer`, with 100 gradient steps for a new head in each episode",
    }
    rows: list[Row] = [
        {"name": name, "means": explained.get(name, ""), **row} for name, row in metrics["baselines"].items()
    ]
    rows += [{"name": name, "means": of_candidate(row), **row} for name, row in metrics["candidates"].items()]
    if metrics["production"]:
        rows.append({"name": "in production", "means": "the model that is served now", **metrics["production"]})
    if metrics["best"]:
        means = "the best model that was ever pushed and judged on these test images"
        rows.append({"name": "best so far", "means": means, **metrics["best"]})
    metric = metric_of(metrics)
    return sorted(rows, key=lambda row: -metric.of(row) if metric.key in row else 1.0)


def best_untrained(metrics: Metrics) -> Row | None:
    """Returns the row of the best baseline or candidate without a step of training, if this model had some."""
    rivals = {**metrics["baselines"], **metrics["candidates"]}
    rows: list[Row] = [{"name": name, "means": "", **row} for name, row in rivals.items() if row.get("steps") == 0]
    return max(rows, key=metric_of(metrics).of, default=None) if metrics.get("steps") else None


def of_candidate(row: Rival) -> str:
    """Returns what a candidate is, and what it reached on validation classes."""
    validation = row["validation"]
    reached = f"; {percent(validation['accuracy'])} % on validation classes" if validation else ""
    return f"a candidate that was not chosen: {row['learner']} on {row['base_model']}{reached}"


def bounds_of(row: Mapping[str, Any], metric: Metric) -> tuple[float, float]:
    """Returns the bounds of the figure over classes, or over episodes where the classes cannot tell."""
    over_classes = row["over_classes"]
    if over_classes:
        return over_classes["low"], over_classes["high"]
    return metric.of(row) - row["ci95"], metric.of(row) + row["ci95"]


def cells(columns: Sequence[Column], row: Mapping[str, Any]) -> list[str]:
    """Returns the figures of a model in some columns; one that is not known is empty."""
    return ["" if row[one.key] is None else one.written(row[one.key]) for one in columns]


def worst_and_best(domains: Sequence[Any]) -> list[tuple[str, Sequence[Any]]]:
    """Returns headings with the domains below them: all domains, worst first, or the worst and the best of many."""
    if len(domains) < 2:
        return []
    if len(domains) <= 2 * DOMAINS:
        return [("Domains, worst first", domains)]
    return [("Worst domains", domains[:DOMAINS]), ("Best domains", domains[::-1][:DOMAINS])]


def episodes_title(metrics: Metrics | OnArrivals) -> str:
    """Returns the kind of the episodes that figures are of, as in `5-way 1-shot`."""
    return f"{span(metrics['way'])}-way {span(metrics['shot'])}-shot"


def first_up(text: str) -> str:
    """Returns a text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested settings as (dotted key, value) pairs, without those that are not set."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, str(value))] if value not in (None, "", [], ()) else []
