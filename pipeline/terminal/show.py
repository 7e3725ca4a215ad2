"""Results as text, at 80 columns."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from components.few_shot_evaluator.metrics_json import Rival
from components.fewshot.evaluation.summary import Difference
from pipeline.terminal.results import Accuracy, Evaluation, Prediction, RunResult

SHOWN = 5  # files set aside


def show_result(result: RunResult) -> None:
    """Prints the table of a run, the verdict, and the paths of the report and of the pushed model."""
    table = Table(title=result["title"], title_justify="left", box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("accuracy, %", justify="right")
    table.add_column("ahead by, points", justify="right")
    table.add_row("this run", percent(result), "")
    rivals = dict(result["baselines"])
    if result["previous"]:
        rivals["latest blessed"] = result["previous"]
    for name, rival in rivals.items():
        if "accuracy" in rival:
            table.add_row(name, percent(rival), points(rival["difference"]))
        else:
            table.add_row(name, "not comparable", "")
    console = Console(file=sys.stdout)
    console.print(table)
    verdict = "blessed" if result["blessed"] else "not blessed"
    print(f"\n{verdict} in {result['seconds']:.0f} s; {_mode(result)}, batch normalisation: {result['batch_norm']}")
    for reason in result["reasons"]:
        print(f"  - {reason}")
    for count, what in ((result["rejected"], "files set aside"), (result["leaks"], "images in two splits")):
        if count:
            print(f"  ! {count} {what}: see the report")
    print(f"report: {result['report']}")
    if result["pushed_model"]:
        print(f"pushed: {result['pushed_model']}")


def show_evaluation(result: Evaluation) -> None:
    """Prints the figures, the episodes that they were measured on, and the files that were set aside."""
    print(f"accuracy {percent(result)} %   log loss {result['log_loss']:.4f}   ECE {result['ece']:.4f}")
    print(
        f"{result['episodes']} episodes of {result['title']}, {result['query']} queries per class, "
        f"seed {result['seed']}, {_mode(result)} (batch normalisation: {result['batch_norm']})"
    )
    for refused in result["set_aside"][:SHOWN]:
        print(f"set aside: {refused}")
    if len(result["set_aside"]) > SHOWN:
        print(f"and {len(result['set_aside']) - SHOWN} more")


def show_predictions(predictions: Sequence[Prediction]) -> None:
    """Prints one line per image."""
    for one in predictions:
        print(f"{one['probability']:.3f}  {one['label']}  {one['path']}")


def show_compiled(target: str, output: str, places: Sequence[str], copy_from: str | None) -> None:
    """Prints where a compiled pipeline is and where it will read images.

    Args:
      copy_from: local directory of the built-in images, which must be copied to those places first; None for the user's own.
    """
    print(f"compiled for {target}: {output}")
    print(f"its images: {', '.join(places)}")
    if copy_from:
        print(f"  ! copy the built-in images there first: a local `fewshot run` writes them to {copy_from}")


def percent(judged: Accuracy | Rival) -> str:
    """Returns an accuracy as `98.54 ± 0.18`."""
    return f"{100 * judged['accuracy']:.2f} ± {100 * judged['ci95']:.2f}"


def points(difference: Difference) -> str:
    """Returns a difference as `+3.21 ± 0.40`."""
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"


def _mode(result: RunResult | Evaluation) -> str:
    return "inductive" if result["inductive"] else "transductive"
