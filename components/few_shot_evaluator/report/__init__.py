"""The report: a single HTML file that loads no other file."""

from collections.abc import Sequence
from typing import cast

from markupsafe import Markup

from components.few_shot_evaluator.advice import few_classes
from components.few_shot_evaluator.gate import ARRIVALS
from components.few_shot_evaluator.metrics_json import FurtherSummary, Metrics, OnArrivals, Rival
from components.few_shot_evaluator.report import plots
from components.few_shot_evaluator.report_inputs import ReportInputs
from components.fewshot.evaluation.intervals import cannot_tell
from components.fewshot.evaluation.summary import Difference, DomainAccuracy, OverClasses
from components.fewshot.images.thumbnail import thumbnails
from components.fewshot.pages import environment

DOMAINS = 6  # of the worst and of the best domains that are shown, if there are many


class Row(Rival):
    """A line in the table of models."""

    name: str
    means: str


def render(inputs: ReportInputs) -> str:
    """Returns the report as HTML; the same inputs give the same bytes."""
    templates = environment(__name__)
    templates.filters |= {
        "percent": percent,
        "points": points,
        "bounds": bounds,
        "thumbnail": dict(zip(images := images_in(inputs), thumbnails(images), strict=True)).__getitem__,
        "flat": flat,
        "episodes_title": episodes_title,
    }
    metrics = inputs.metrics
    return templates.get_template("template.html.j2").render(
        m=metrics,
        inputs=inputs,
        title=episodes_title(metrics),
        cannot_tell=cannot_tell(metrics["classes"], max(int(way) for way in metrics["by_way"])),
        few_classes=few_classes(metrics["classes"]) if metrics["over_classes"] else None,
        compared=compared(metrics),
        arrivals=ARRIVALS,
        untrained=best_untrained(metrics),
        domains=worst_and_best(metrics["by_domain"]),
        plots={name: Markup(svg) for name, svg in drawings(inputs).items()},
    )


def images_in(inputs: ReportInputs) -> list[bytes]:
    """Returns all images that the report shows, each once."""
    drawn = [one.image for episode in inputs.episodes for one in (*episode.support, *episode.query)]
    return list(dict.fromkeys([*drawn, *inputs.pictures.values()]))


def drawings(inputs: ReportInputs) -> dict[str, str]:
    """Returns the plots by name; a plot without data is left out."""
    metrics = inputs.metrics
    figures = {"accuracy": metrics["accuracy"], "ci95": metrics["ci95"], "over_classes": metrics["over_classes"]}
    rows = [cast(Row, {"name": "this model", **figures}), *(row for row in compared(metrics) if "accuracy" in row)]
    found = {
        "comparison": plots.comparison([(row["name"], row["accuracy"], *bounds_of(row)) for row in rows]),
        "histogram": plots.histogram(metrics["histogram"]),
        "reliability": plots.reliability(metrics["reliability"]),
    }
    confused = metrics["confusions"]
    if len(confused["pairs"]) > 1:
        found["confusions"] = plots.confusions(confused["classes"], confused["matrix"])
    shots = shot_points(metrics)
    if len({shot for shot, *_ in shots}) > 1:
        found["by_shot"] = plots.by_shot(shots)
    if inputs.history and inputs.history["steps"]:
        found["learning_curves"] = plots.learning_curves(inputs.history)
    return found


def shot_points(metrics: Metrics) -> list[tuple[int, str, float, float]]:
    """Returns (shot, way, accuracy, half-width) for the main episodes and for each further specification."""
    rows = []
    sets: list[Metrics | FurtherSummary] = [metrics, *metrics["also"]]
    for one in sets:
        series = f"{span(one['way'])}-way"
        rows += [(int(shot), series, at["accuracy"], at["ci95"]) for shot, at in one["by_shot"].items()]
    return rows


def compared(metrics: Metrics) -> list[Row]:
    """Returns a row for each baseline and each candidate that was not chosen, and for the model in production and the best one so
    far if there are any: the strongest first."""
    explained = {
        "transfer": "transfer learning: a classifier trained on the same images, with a new head for each episode",
        "untrained": "the same learner before training",
        "pixels": "nearest class mean of the raw pixels",
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
    return sorted(rows, key=lambda row: -row.get("accuracy", -1.0))


def best_untrained(metrics: Metrics) -> Row | None:
    """Returns the row of the best baseline or candidate without a step of training, if this model had some."""
    rivals = {**metrics["baselines"], **metrics["candidates"]}
    rows: list[Row] = [{"name": name, "means": "", **row} for name, row in rivals.items() if row.get("steps") == 0]
    return max(rows, key=lambda row: row["accuracy"], default=None) if metrics.get("steps") else None


def of_candidate(row: Rival) -> str:
    """Returns what a candidate is, and what it reached on validation classes."""
    validation = row["validation"]
    reached = f"; {percent(validation['accuracy'])} % on validation classes" if validation else ""
    return f"a candidate that was not chosen: {row['learner']} on {row['base_model']}{reached}"


def bounds_of(row: Rival) -> tuple[float, float]:
    """Returns the bounds of the accuracy over classes, or over episodes where the classes cannot tell."""
    over_classes = row["over_classes"]
    if over_classes:
        return over_classes["low"], over_classes["high"]
    return row["accuracy"] - row["ci95"], row["accuracy"] + row["ci95"]


def worst_and_best(domains: list[DomainAccuracy]) -> list[tuple[str, list[DomainAccuracy]]]:
    """Returns headings with the domains below them: all domains, worst first, or the worst and the best of many."""
    if len(domains) < 2:
        return []
    if len(domains) <= 2 * DOMAINS:
        return [("Domains, worst first", domains)]
    return [("Worst domains", domains[:DOMAINS]), ("Best domains", domains[::-1][:DOMAINS])]


def episodes_title(metrics: Metrics | OnArrivals) -> str:
    """Returns the kind of the episodes that figures are of, as in `5-way 1-shot`."""
    return f"{span(metrics['way'])}-way {span(metrics['shot'])}-shot"


def span(value: int | Sequence[int]) -> str:
    """Returns a number as text, or a range as in `5..10`."""
    return "..".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def percent(share: float, digits: int = 2) -> str:
    """Returns a share in 0..1 as a percentage, without the percent sign."""
    return f"{100 * share:.{digits}f}"


def points(difference: Difference) -> str:
    """Returns a difference and its interval in percentage points."""
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"


def bounds(interval: OverClasses | None, signed: bool = False) -> str:
    """Returns an interval over classes in percentage points; `none` where the classes cannot tell."""
    if not interval:
        return "none"
    low, high = (f"{100 * interval[side]:{'+' if signed else ''}.2f}" for side in ("low", "high"))
    return f"{low} to {high}"


def flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested settings as (dotted key, value) pairs, without those that are not set."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, str(value))] if value not in (None, "", [], ()) else []
