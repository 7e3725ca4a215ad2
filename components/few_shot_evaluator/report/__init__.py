"""The report: one HTML file that needs nothing else."""

import base64
import io
from typing import Any

import jinja2
from markupsafe import Markup
from PIL import Image

from components.few_shot_evaluator.report import plots
from components.few_shot_evaluator.report_inputs import DrawnImage, ReportInputs

THUMBNAIL = 96  # pixels; larger images are made smaller, small ones are left to the browser
DOMAINS = 6  # shown of the worst, and of the best


def render(inputs: ReportInputs) -> str:
    """The report as HTML; the same inputs give the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__, "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "points": points, "data_uri": data_uri, "flat": flat}
    metrics = inputs.metrics
    return environment.get_template("template.html.j2").render(
        m=metrics,
        inputs=inputs,
        title=episodes_title(metrics),
        compared=compared(metrics),
        domains=worst_and_best(metrics["by_domain"]),
        plots={name: Markup(svg) for name, svg in drawings(inputs).items()},
    )


def drawings(inputs: ReportInputs) -> dict[str, str]:
    """The plots that there are data for, by name."""
    metrics = inputs.metrics
    others = [(row["name"], row["accuracy"], row["ci95"]) for row in compared(metrics) if "accuracy" in row]
    found = {
        "comparison": plots.comparison([("this model", metrics["accuracy"], metrics["ci95"]), *others]),
        "histogram": plots.histogram(metrics["histogram"]),
        "reliability": plots.reliability(metrics["reliability"]),
    }
    shots = shot_points(metrics)
    if len({shot for shot, *_ in shots}) > 1:
        found["by_shot"] = plots.by_shot(shots)
    if inputs.history and inputs.history["steps"]:
        found["learning_curves"] = plots.learning_curves(inputs.history)
    return found


def shot_points(metrics: dict[str, Any]) -> list[tuple[int, str, float, float]]:
    """(shot, way, accuracy, half-width) of the headline episodes and of the further specifications."""
    rows = []
    for one in (metrics, *metrics.get("also", [])):
        series = f"{span(one['way'])}-way"
        rows += [(int(shot), series, at["accuracy"], at["ci95"]) for shot, at in one["by_shot"].items()]
    return rows


def compared(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Baselines and the latest blessed model, a row each."""
    explained = {
        "transfer": "transfer learning: trained as a classifier on the same images, new head for each episode",
        "untrained": "the same learner before any training",
        "pixels": "nearest centroid on plain pixels",
    }
    rows = [{"name": name, "means": explained.get(name, "")} | row for name, row in metrics["baselines"].items()]
    if metrics["previous"]:
        rows.append({"name": "latest blessed", "means": "the model in production"} | metrics["previous"])
    return rows


def worst_and_best(domains: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Domains to show, worst first; all of them where they are few."""
    if len(domains) < 2:
        return []
    if len(domains) <= 2 * DOMAINS:
        return [("Domains, worst first", domains)]
    return [("Worst domains", domains[:DOMAINS]), ("Best domains", domains[::-1][:DOMAINS])]


def episodes_title(metrics: dict[str, Any]) -> str:
    """`5-way 1-shot`."""
    return f"{span(metrics['way'])}-way {span(metrics['shot'])}-shot"


def span(value: int | list[int]) -> str:
    """A number, or a range as `5..10`."""
    return "..".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def percent(share: float, digits: int = 2) -> str:
    """A share in 0..1 as a percentage, without the sign."""
    return f"{100 * share:.{digits}f}"


def points(difference: dict[str, float]) -> str:
    """A paired difference in percentage points."""
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"


def data_uri(drawn: DrawnImage) -> str:
    """The image inside the page: a PNG of at most `THUMBNAIL` pixels a side."""
    image = Image.open(io.BytesIO(drawn.image)).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    picture = Image.alpha_composite(ground, image).convert("RGB")
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) pairs; what is not set is left out."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, str(value))] if value not in (None, "", [], ()) else []
