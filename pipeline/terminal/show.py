"""Results as text, at 80 columns."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from components.episode_generator.classes import SplitClasses
from components.few_shot_evaluator.advice import few_classes
from components.fewshot.evaluation.intervals import cannot_tell
from components.fewshot.evaluation.summary import OverClasses
from components.fewshot.settings.metrics import metric_of
from components.fewshot.words import counted
from pipeline.terminal.images import (
    class_notes,
    duplicate_notes,
    fitted_notes,
    marked,
    nothing_trained,
    place_notes,
    printable,
)
from pipeline.terminal.results import Adapted, Evaluation, RunResult, SetAside, Stayed

SHOWN = 5  # files set aside
FURTHER = {  # figures that are told beside that of the kind of task, where there are any
    "mean_ap": "mAP",
    "precision": "precision",
    "recall": "recall",
    "false_positives": "false alarms an image",
    "log_loss": "log loss",
    "ece": "ECE",
}


def show_stayed(result: Stayed) -> None:
    """Prints why nothing was trained, and the path of the figures behind that."""
    print(marked(f"{result['decision']}: {result['because']}", "-"))
    print(f"nothing was trained or pushed, in {result['seconds']:.0f} s")
    print(f"report: {result['report']}")


def show_result(result: RunResult) -> None:
    """Prints the table of a run, the verdict, and the paths of the report and of the pushed model."""
    table = Table(title=result["title"], title_justify="left", box=None, pad_edge=False)
    table.add_column("model")
    metric = metric_of(result)
    for column in (f"{metric.name}, %", "over classes", "ahead by", "over classes"):
        table.add_column(column, justify="right")
    ours = f"this run: {result['chosen']}" if result["chosen"] else "this run"
    table.add_row(ours, percent(result), bounds(result["over_classes"]))
    earlier = {"in production": result["production"], "best so far": result["best"]}
    known = {name: rival for name, rival in earlier.items() if rival}
    for name, rival in (result["candidates"] | result["baselines"] | known).items():
        if metric.key in rival:
            difference = rival["difference"]
            ahead = f"{100 * difference['mean']:+.2f}", bounds(difference["over_classes"], signed=True)
            table.add_row(name, percent(rival), bounds(rival["over_classes"]), *ahead)
        else:
            table.add_row(name, "not comparable")
    console = Console(file=sys.stdout)
    console.print(table)
    print("95 % intervals: ± is over episodes of these classes; over classes is for other")
    print("classes of this kind, and decides")
    if result["over_classes"] and (warning := few_classes(result["over_classes"]["classes"], metric)):
        print(marked(warning))
    if result["chosen"]:
        print(f"{result['chosen']} was the best of {len(result['candidates']) + 1} candidates on validation classes")
    for name, model in earlier.items():
        if model and "not_comparable" in model:
            print(f"{name}: {model['not_comparable']}")
    if result["decision"]:
        print(marked(f"{result['decision']}: {result['because']}", "-"))
    if result["warm_start"]:
        print(f"training started from {result['warm_start']}; the baselines started cold and do not decide")
    verdict = "blessed" if result["blessed"] else "not blessed"
    print(f"\n{verdict} in {result['seconds']:.0f} s; {_mode(result)}, batch normalisation: {result['batch_norm']}")
    for reason in result["reasons"]:
        print(marked(reason, "-"))
    for note in notes_on(result):
        print(marked(note))
    print(f"report: {result['report']}")
    if result["pushed_model"]:
        print(f"pushed: {result['pushed_model']}")


def notes_on(result: RunResult) -> list[str]:
    """Returns what is unusual about the images of a run, one sentence each."""
    notes = [f"{counted(result['rejected'], 'file')} set aside: see the report"] if result["rejected"] else []
    if result["damaged"]:
        told = counted(result["damaged"], "damaged JPEG is", "damaged JPEGs are")
        notes.append(
            f"{told} read as far as the data goes, such as {printable(result['damaged_files'][0])}: replace them"
        )
    notes += place_notes(result["passed_over"], result["differ_by_case"])
    counts = result["duplicates"]
    duplicates = duplicate_notes(counts, counts["across_splits"], result["duplicate_files"])
    notes += [*duplicates, f"all duplicates: {result['duplicates_list']}"] if duplicates else []
    if not result["train_classes"]:
        test = [one for one in result["classes"] if one["split"] == "test"]
        notes.append(nothing_trained(test[0]["classes"] + len(test[0]["classes_too_small"])))
    return notes + fitted_notes(result["classes"]) + class_notes(result["classes"])


def show_evaluation(result: Evaluation) -> None:
    """Prints the figures, the episodes that they were measured on, and which files and classes take no part."""
    figures: Mapping[str, Any] = result
    told = [f"{name} {value:.4f}" for key, name in FURTHER.items() if (value := figures.get(key)) is not None]
    print(f"{metric_of(result).name} {percent(result)} %", *told, sep="   ")
    print(f"95 % interval over {counted(result['classes'], 'class', 'classes')}: {bounds(result['over_classes'])}")
    print(
        f"{counted(result['episodes'], 'episode')} of {result['title']},"
        f" {counted(result['query'], 'query', 'queries')} per class, "
        f"seed {result['seed']}, {_mode(result)} (batch normalisation: {result['batch_norm']})"
    )
    if not result["over_classes"]:
        way = result["way"] if isinstance(result["way"], int) else max(result["way"])
        print(marked(cannot_tell(result["classes"], way, lower="--way")))
    show_set_aside(result["set_aside"])
    used: SplitClasses = {
        "split": result["split"],
        "episodes": result["title"],
        "query": result["query"],
        "fitted": [],
        "images_per_class": result["images_per_class"],
        "classes": result["classes"],
        "classes_too_small": result["classes_too_small"],
    }
    duplicates = duplicate_notes(result["duplicates"], 0, result["duplicate_files"])
    for note in (*place_notes(result["passed_over"], result["differ_by_case"]), *duplicates, *class_notes([used])):
        print(marked(note))


def show_set_aside(files: Sequence[SetAside], shown: int = SHOWN, out: TextIO | None = None, of: str = "") -> None:
    """Prints a line for each of the first files that cannot be read, and how many more there are.

    Args:
      files: the files.
      shown: how many get a line.
      out: where to print; standard output by default.
      of: what they are of, with a blank after it.
    """
    for one in files[:shown]:
        print(f"{of}set aside: {printable(one['path'])}: {one['reason']}", file=out)
    if len(files) > shown:
        print(f"and {len(files) - shown:,} more", file=out)


def show_adapted(result: Adapted, top: int) -> None:
    """Prints one line per image with its `top` most probable classes, and which are of none of them; what else people should know
    goes to standard error."""
    for one in result["predictions"]:
        likely = sorted(one["probabilities"].items(), key=lambda item: -item[1])[:top]
        classes = [f"{value:.3f}  {printable(name)}" for name, value in likely]
        print(*classes, *(["none of these?"] if one["none_of_these"] else []), printable(one["path"]), sep="  ")
    if strange := sum(one["none_of_these"] for one in result["predictions"]):
        alarms = 100 * result["none_of_these"]["false_alarms"]
        told = (
            f"{counted(strange, 'image')} may be of none of these classes: look at {'it' if strange == 1 else 'them'}"
        )
        print(marked(f"{told} ({alarms:.1f} % of images of known classes are called so too)"), file=sys.stderr)
    if result["state"]:
        print(f"task state: {result['state']}", file=sys.stderr)
    show_set_aside(result["support_set_aside"], out=sys.stderr, of="support ")
    show_set_aside(result["set_aside"], len(result["set_aside"]), sys.stderr)
    for note in place_notes(result["passed_over"], result["differ_by_case"]):
        print(marked(note), file=sys.stderr)


def show_compiled(target: str, output: str, places: Sequence[str], copy_from: str | None) -> None:
    """Prints where a compiled pipeline is and where it will read images.

    Args:
      copy_from: local directory of the built-in images, which must be copied to those places first; None for the user's own.
    """
    print(f"compiled for {target}: {output}")
    print(f"its images: {', '.join(places)}")
    if copy_from:
        print(f"  ! copy the built-in images there first: a local `fewshot run` writes them to {copy_from}")


def percent(judged: Mapping[str, Any]) -> str:
    """Returns the figure of a kind of task as `98.54 ± 0.18`."""
    return f"{100 * metric_of(judged).of(judged):.2f} ± {100 * judged['ci95']:.2f}"


def bounds(interval: OverClasses | None, signed: bool = False) -> str:
    """Returns an interval over classes in %, as `93.1 to 95.6`, or as `+0.4 to +1.6`; empty where the classes cannot tell."""
    if not interval:
        return "cannot tell"
    low, high = (f"{100 * interval[side]:{'+' if signed else ''}.1f}" for side in ("low", "high"))
    return f"{low} to {high}"


def _mode(result: RunResult | Evaluation) -> str:
    return "inductive" if result["inductive"] else "transductive"
