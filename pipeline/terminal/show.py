"""Results for people, at 80 columns."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

SHOWN = 5  # files set aside


def node_printer(stream: TextIO) -> Callable[[Any], None]:
    """Prints a line a node: what runs now, how long the last took, or that it came from the cache."""

    def report(event: Any) -> None:
        if hasattr(event, "number"):
            report.place = f"{event.number:>2}/{event.count}"  # type: ignore[attr-defined]
            if stream.isatty():
                stream.write(f"{report.place} {event.node} ...\r")  # type: ignore[attr-defined]
        else:
            took = "cached" if event.cached else f"{event.seconds:.1f} s"
            stream.write(f"{report.place} {event.node:<24}{took:>10}\n")  # type: ignore[attr-defined]
        stream.flush()

    return report


@contextmanager
def counter(total: int, stream: TextIO) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; call it with how many are done."""
    columns = (TextColumn("episodes"), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True, disable=not stream.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def show_result(result: dict[str, Any]) -> None:
    """The table of a run, then where its report and its model are."""
    table = Table(title=result["title"], title_justify="left", box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("accuracy, %", justify="right")
    table.add_column("ahead by, points", justify="right")
    table.add_row("this run", percent(result), "")
    others = dict(result["baselines"])
    if result["previous"]:
        others["latest blessed"] = result["previous"]
    for name, judged in others.items():
        comparable = judged.get("accuracy") is not None
        table.add_row(
            name,
            percent(judged) if comparable else "not comparable",
            points(judged["difference"]) if comparable else "",
        )
    console = Console(file=sys.stdout)
    console.print(table)
    mode = "inductive" if result["inductive"] else "transductive"
    verdict = "blessed" if result["blessed"] else "not blessed"
    print(f"\n{verdict} in {result['seconds']:.0f} s; {mode}, batch normalisation: {result['batch_norm']}")
    for reason in result["reasons"]:
        print(f"  - {reason}")
    for count, what in ((result["rejected"], "files set aside"), (result["leaks"], "images on two sides of a split")):
        if count:
            print(f"  ! {count} {what}: the report names them")
    print(f"report: {result['report']}")
    if result["pushed_model"]:
        print(f"pushed: {result['pushed_model']}")


def show_evaluation(result: dict[str, Any]) -> None:
    """One line of what was measured, one of how, and which files were passed over."""
    mode = "inductive" if result["inductive"] else "transductive"
    print(f"accuracy {percent(result)} %   log loss {result['log_loss']:.4f}   ECE {result['ece']:.4f}")
    print(
        f"{result['episodes']} episodes of {result['title']}, {result['query']} queries a class, "
        f"seed {result['seed']}, {mode} (batch normalisation: {result['batch_norm']})"
    )
    for refused in result["set_aside"][:SHOWN]:
        print(f"set aside: {refused}")
    if len(result["set_aside"]) > SHOWN:
        print(f"and {len(result['set_aside']) - SHOWN} more")


def show_predictions(predictions: list[dict[str, Any]]) -> None:
    """A line an image."""
    for one in predictions:
        print(f"{one['probability']:.3f}  {one['label']}  {one['path']}")


def percent(judged: dict[str, Any]) -> str:
    """`98.54 ± 0.18`."""
    return f"{100 * judged['accuracy']:.2f} ± {100 * judged['ci95']:.2f}"


def points(difference: dict[str, Any]) -> str:
    """`+3.21 ± 0.40`."""
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"
