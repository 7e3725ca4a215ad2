"""`python -m benchmarks.detection --root fewshot-runs`: the detectors of all runs in a folder, against their baselines, by shot.

A run judges its model against its baselines at one shot, on episodes that it froze. Here all are judged at each shot, on other
episodes of its test images; and the episodes of all runs (seeds, or sets that were left out) are put together. A figure is the
mean AP50 over them, with half of its 95 % interval over episodes of these classes, and its interval over classes. What the model
is ahead by is paired by episode. `by run` is the lowest and the highest mean of a run, and `adapt` the time in which the
served model adapts to the marked objects of an episode.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from tfx.utils import path_utils

from benchmarks.runs import settings_of
from components.fewshot.episodes.fitting import fitted
from components.fewshot.evaluation.detection_judging import EncodedScenes, encode_scenes, judge_scenes
from components.fewshot.evaluation.detection_metrics import summarise
from components.fewshot.evaluation.detections import DetectionResult
from components.fewshot.evaluation.detector_checks import detector_latency
from components.fewshot.evaluation.metrics import paired_difference
from components.fewshot.images.feeds import feed_of
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.words import counted
from pipeline.commands.run import run_outputs
from pipeline.history.runs import list_runs
from pipeline.terminal.show import bounds, percent

MODEL = "MetaTrainer"
NODES = (MODEL, "HeadSteps", "Baseline", "Untrained")  # what models come from, in the order of the table
SEED = 1000  # of the episodes: no run froze them

Results = list[DetectionResult]


class Pooled(NamedTuple):
    """The results of one model, run after run."""

    runs: list[Results]
    adapt: list[float]  # milliseconds, of each

    @property
    def results(self) -> Results:
        """Those of all runs, numbered anew."""
        every = [result for run in self.runs for result in run]
        return [result._replace(index=number) for number, result in enumerate(every)]

    @property
    def means(self) -> list[float]:
        """AP50 of each run, in 0..1."""
        return [summarise(run)["ap50"] for run in self.runs]


def main(
    root: Annotated[str, typer.Option()] = "fewshot-runs",
    episodes: int = 100,
    shots: Annotated[list[int], typer.Option("--shot")] = [1, 5],  # noqa: B006 (typer copies it)
) -> None:
    """Prints the table."""
    runs = [run.run_id for run in list_runs(root) if run.state == "complete"]
    columns = "model", "shots", "AP50, %", "over classes", "ahead by", "over classes", "by run", "adapt, ms"
    table = Table(*columns, box=None)
    for shot in shots:
        models: dict[str, Pooled] = defaultdict(lambda: Pooled([], []))
        for run in runs:
            encoded = episodes_of(root, run, shot, episodes)
            for name, model in models_of(root, run):
                models[name].runs.append([judge_scenes(model, one)[0] for one in encoded])
                models[name].adapt.append(detector_latency(model, encoded)["adapt_ms"])
        for name in models:
            add_row(table, shot, name, models)
    Console(width=120).print(table)
    Console().print(counted(len(runs), "run", "runs"))


def episodes_of(root: str, run: str, shot: int, count: int) -> list[EncodedScenes]:
    """Episodes of the test images of a run that it did not freeze."""
    outputs, spec = run_outputs(root, run), settings_of(root, run).episodes
    store = ImageStore.open(os.path.join(outputs["EpisodeGenerator"]["episodes"].uri, "Split-test", "store"))
    sampler = feed_of(store).sampler(fitted(spec.model_copy(update={"shot": shot}), test=store.index), SEED)
    return [encode_scenes(store, sampler(number)) for number in range(count)]


def models_of(root: str, run: str) -> Iterator[tuple[str, ServedDetector]]:
    """Yields the model of a run and its baselines, each with the node that it comes from."""
    outputs = run_outputs(root, run)
    for node in NODES:
        if node in outputs:
            yield node, ServedDetector(path_utils.serving_model_path(outputs[node]["model"].uri))


def add_row(table: Table, shot: int, name: str, models: Mapping[str, Pooled]) -> None:
    """Adds the line of a model at a number of shots."""
    figures, means = summarise(models[name].results), models[name].means
    ahead: Sequence[str] = ("", "")
    if name != MODEL:
        difference = paired_difference(models[MODEL].results, models[name].results)
        both = f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"
        ahead = (both, bounds(difference["over_classes"], signed=True))
    spread = f"{100 * min(means):.2f} to {100 * max(means):.2f}"
    adapt = f"{fmean(models[name].adapt):.0f}"
    table.add_row(name, str(shot), percent(figures), bounds(figures["over_classes"]), *ahead, spread, adapt)


if __name__ == "__main__":
    typer.run(main)
