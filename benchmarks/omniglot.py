"""`python -m benchmarks.omniglot --images background --images evaluation --splits splits.json#vinyals`: Omniglot, end to end.

Runs a preset from image files to a pushed model. Then it evaluates this model with the function of `fewshot evaluate`. On the
episodes of the run all digits must be those of the evaluator. After that come the other published protocols.
"""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.learners import find_learner
from pipeline.commands.evaluate import evaluate_folder
from pipeline.commands.run import run
from pipeline.config import RunSettings, load_settings
from pipeline.platforms.local import NodeEnd, NodeFailure, NodeStart
from pipeline.presets import find_preset
from pipeline.terminal.json_output import selected
from pipeline.terminal.results import Evaluation, RunResult, stayed
from pipeline.terminal.show import bounds, percent

COMPARED = ("accuracy", "ci95", "over_classes", "log_loss", "ece", "episodes")
TRAINING = ("MetaTrainer", "Baseline")


def main(
    images: Annotated[list[Path], typer.Option()],
    splits: Annotated[str, typer.Option()],
    preset: str = "omniglot",
    root: Path = Path("fewshot-runs"),
    episodes: int = 1000,
) -> None:
    """Prints times and accuracies. Exits with 1 if `fewshot evaluate` and the evaluator differ in any digit."""
    logging.disable()
    data = {"images": [str(path) for path in images], "splits": splits}
    settings = load_settings(find_preset(preset), {"data": data})
    seconds: dict[str, float] = {}

    def note(event: NodeStart | NodeEnd | NodeFailure) -> None:
        if isinstance(event, NodeEnd):
            seconds[event.node] = event.seconds

    result = run(settings, str(root), note)
    assert not stayed(result)  # nothing comes in spans
    show_times(seconds, result["seconds"])
    main = EpisodeSpec.model_validate(settings.episodes.model_dump())
    own = json.loads((Path(result["report"]).parent / "metrics.json").read_text())
    model = result["pushed_model"] or model_of(root)
    again = judged(model, settings, main, own["episodes"])
    differing = [key for key, value in selected(again, COMPARED).items() if value != own[key]]
    show_figures(
        result, {spec.title: judged(model, settings, spec, episodes) for spec in other_protocols(settings, main)}
    )
    print(f"fewshot evaluate on the evaluator's episodes differs in: {', '.join(differing) or 'nothing'}")
    raise typer.Exit(bool(differing))


def judged(model: str, settings: RunSettings, spec: EpisodeSpec, episodes: int) -> Evaluation:
    """Returns the result of `fewshot evaluate` for a model."""
    assert settings.data is not None
    folders = list(settings.data.images)
    return evaluate_folder(model, settings.data, folders, "test", spec, episodes, settings.seed)


def other_protocols(settings: RunSettings, main: EpisodeSpec) -> list[EpisodeSpec]:
    """Returns 5-way and 20-way, 1-shot and 5-shot, without `main`, that of the run. A fixed head has only its own way."""
    ways = (main.way,) if find_learner(settings.learner.name).has_fixed_head else (5, 20)
    specs = [main.model_copy(update={"way": way, "shot": shot}) for way in ways for shot in (1, 5)]
    return [spec for spec in specs if spec != main]


def model_of(root: Path) -> str:
    """Returns the path of the newest SavedModel of the MetaTrainer, for a model that was not pushed."""
    return str(
        max((root / "artifacts" / "MetaTrainer" / "model").glob("*/Format-Serving"), key=lambda p: p.stat().st_mtime)
    )


def show_times(seconds: dict[str, float], total: float) -> None:
    """Prints the seconds of each node, of all but training, and of the whole run."""
    table = Table("node", "seconds", box=None)
    for node, took in seconds.items():
        table.add_row(node, f"{took:.1f}")
    training = sum(seconds[node] for node in TRAINING)
    table.add_row("all but training", f"{total - training:.1f}")
    table.add_row("in total", f"{total:.1f}")
    Console().print(table)


def show_figures(result: RunResult, others: dict[str, Evaluation]) -> None:
    """Prints the accuracies of the model and the baselines, and those of the model on the other protocols."""
    table = Table("", "accuracy, %", "over classes", "ahead by", "over classes", box=None)
    verdict = "blessed" if result["blessed"] else "not blessed"
    table.add_row(result["title"], percent(result), bounds(result["over_classes"]), verdict)
    for name, baseline in result["baselines"].items():
        difference = baseline["difference"]
        ahead = f"{100 * difference['mean']:+.2f}", bounds(difference["over_classes"], signed=True)
        table.add_row(name, percent(baseline), bounds(baseline["over_classes"]), *ahead)
    for title, metrics in others.items():
        table.add_row(title, percent(metrics), bounds(metrics["over_classes"]))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
