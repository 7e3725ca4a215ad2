"""The plots of the report as SVG. Text remains text, and the same numbers give the same bytes."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.fewshot.evaluation.summary import ReliabilityBin
from components.fewshot.settings.metrics import Metric
from components.fewshot.training.history import History

INK, SOFT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
OURS, OTHER, GOOD, BAD = "#2563a8", "#9aa5b1", "#2f855a", "#c05621"

LONGEST = 18  # characters of a name
WIDTH = 5.2  # inches; a phone shrinks a plot to its screen, and at this width the text can still be read

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fewshot",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
}


def of_images(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Returns the plots that are of classification alone, by name."""
    found = {"reliability": reliability(metrics["reliability"], "confidence", "accuracy")}
    confused = metrics["confusions"]
    if len(confused["pairs"]) > 1:
        found["confusions"] = confusions(confused["classes"], confused["matrix"])
    return found


def comparison(rows: Sequence[tuple[str, float, float, float]], metric: Metric) -> str:
    """Plots (name, figure, low, high), with a line for each model; the first is the candidate. Values are in 0..1."""
    figure, axes = new_figure(0.7 + 0.42 * len(rows))
    for place, (_, value, low, high) in enumerate(rows):
        colour, span = OURS if place == 0 else OTHER, [[100 * (value - low)], [100 * (high - value)]]
        axes.errorbar(100 * value, place, xerr=span, fmt="o", color=colour, capsize=3, markersize=7, lw=2)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows], color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(None, min(100.5, axes.get_xlim()[1]))
    axes.set_xlabel(f"{metric.name}, %")
    axes.grid(axis="y", visible=False)
    return svg_of(figure)


def by_shot(points: Sequence[tuple[int, str, float, float]], metric: Metric) -> str:
    """Plots the figure against shot, from points of (shot, name of the series, figure, half-width)."""
    figure, axes = new_figure(2.8)
    series = list(dict.fromkeys(name for _, name, _, _ in points))
    for number, name in enumerate(series):
        own = sorted(point for point in points if point[1] == name)
        shots, values, halves = ([point[i] for point in own] for i in (0, 2, 3))
        colour = (OURS, GOOD, BAD, SOFT)[number % 4]
        percents, spans = [100 * v for v in values], [100 * h for h in halves]
        axes.errorbar(shots, percents, yerr=spans, fmt="o-", color=colour, capsize=3, lw=1.8, label=name)
    axes.set_xticks(sorted({shot for shot, _, _, _ in points}))
    axes.set_xlabel(f"{metric.shots} per class")
    axes.set_ylabel(f"{metric.name}, %")
    if len(series) > 1:
        axes.legend(frameon=False)
    return svg_of(figure)


def histogram(counts: Sequence[int], metric: Metric) -> str:
    """Plots the number of episodes in equal bins of the figure."""
    figure, axes = new_figure(2.4)
    width = 100 / len(counts)
    axes.bar([width * (i + 0.5) for i in range(len(counts))], counts, width * 0.92, color=OURS)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{metric.name} of an episode, %")
    axes.set_ylabel("number of episodes")
    axes.grid(axis="x", visible=False)
    return svg_of(figure)


def reliability(rows: Sequence[ReliabilityBin], said: str, held: str) -> str:
    """Plots what is right against what a model says, in words of the axes `held` and `said`; on the diagonal both are equal."""
    figure, axes = new_figure(3.2, 3.6)
    axes.plot([0, 100], [0, 100], color=SOFT, lw=1, ls="--")
    filled = [row for row in rows if row["count"]]
    most = max((row["count"] for row in filled), default=1)
    sizes = [12 + 160 * row["count"] / most for row in filled]
    confidences = [100 * row["confidence"] for row in filled]
    accuracies = [100 * row["accuracy"] for row in filled]
    axes.plot(confidences, accuracies, color=OURS, lw=1.4)
    axes.scatter(confidences, accuracies, s=sizes, color=OURS, alpha=0.75, zorder=3, clip_on=False)
    axes.set_xlim(0, 102)
    axes.set_ylim(0, 102)
    axes.set_xlabel(f"{said}, %")
    axes.set_ylabel(f"{held}, %")
    return svg_of(figure)


def confusions(names: Sequence[str], matrix: Sequence[Sequence[float | None]]) -> str:
    """Plots the share of the queries of a class (row) that was predicted as another (column); None stays white."""
    shares = [[float("nan") if share is None else 100 * share for share in row] for row in matrix]
    figure, axes = new_figure(1.2 + 0.34 * len(names))
    most = max((share for row in matrix for share in row if share is not None), default=0.0)
    edges = [place - 0.5 for place in range(len(names) + 1)]
    axes.pcolormesh(edges, edges, shares, cmap="Oranges", vmin=0, vmax=100 * most or 1)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    short = [name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}" for name in names]
    axes.set_xticks(range(len(names)), short, rotation=60, ha="right", rotation_mode="anchor", color=INK)
    axes.set_yticks(range(len(names)), short, color=INK)
    for row, values in enumerate(shares):
        for column, value in enumerate(values):
            if not math.isnan(value):
                ink = "white" if value > 60 * most else INK  # on the dark end of the colours
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xlabel("predicted, % of the queries of the class")
    axes.grid(visible=False)
    return svg_of(figure)


def learning_curves(history: History, metric: Metric) -> str:
    """Plots the loss on training episodes and the figure on validation episodes by step."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, 3.9), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
    steps = _smoothed([(row["step"], row["loss"]) for row in history["steps"]])
    above.plot(*zip(*steps, strict=True), color=OTHER, lw=1.4)
    above.set_ylabel("training loss")
    found = [(row["step"], 100 * row["accuracy"], 100 * row["ci95"]) for row in history["validation"]]
    if found:  # in order: the row of a blend comes last, and is of an earlier step
        at, accuracies, halves = zip(*sorted(found, key=lambda row: row[0]), strict=True)
        below.errorbar(at, accuracies, yerr=halves, fmt="o-", color=OURS, markersize=4, lw=1.6, capsize=2)
        below.axvline(history["best_step"], color=GOOD, lw=1, ls="--")
    below.set_ylabel(f"validation {metric.name}, %")
    below.set_xlabel("outer step (dashed line: the weights that were kept)")
    return svg_of(figure)


def _smoothed(points: Sequence[tuple[int, float]], most: int = 200) -> list[tuple[float, float]]:
    """Returns at most `most` points, each the mean of a run of neighbouring points."""
    run = -(-len(points) // most)
    parts = [points[i : i + run] for i in range(0, len(points), run)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def new_figure(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Returns an empty figure of this size in inches."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        return figure, figure.subplots()


def svg_of(figure: Figure) -> str:
    """Returns the `<svg>` element alone, for use inside a page; it scales with its column."""
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
