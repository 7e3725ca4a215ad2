"""The command line: it declares the commands, and `pipeline/commands/` does their work. Jobs are in `cli_jobs.py`.

Heavy imports are inside the commands, so that `fewshot --help` answers at once.
"""

import os
import sys

if __name__ == "__main__" and sys.path[0] == os.getcwd():  # `python -m`: a `data.py` of the user's may lie there
    sys.path.append(sys.path.pop(0))

from importlib.metadata import version
from typing import Annotated

import typer

from pipeline.cli_jobs import jobs_app
from pipeline.heap import keep_freed_memory
from pipeline.layers import check_adapt_options, check_base_model, settings_of
from pipeline.options import (
    ROOT,
    Debug,
    History,
    Json,
    Model,
    Root,
    RunId,
    SettingsOptions,
    Splits,
    check_directory,
    check_root,
    with_options,
)
from pipeline.tensorflow_alone import import_tensorflow_alone
from pipeline.terminal.errors import FAILED, errors_as_sentences
from pipeline.terminal.json_output import print_json, selected
from pipeline.terminal.quiet import begin, quietly

app = typer.Typer(
    help="Train image models that adapt to new classes, evaluate them on frozen episodes, and push them for serving.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(help="Show the history and lineage of runs, from ML Metadata.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")
app.add_typer(jobs_app)


def _version(asked: bool) -> None:
    if asked:
        print(f"fewshot {version('fewshot-tfx')}")
        raise typer.Exit


@app.callback()
def _root_options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: fewshot run --images photos training.steps=1000")
@with_options
def run(
    *,
    given: SettingsOptions,
    root: Root = ROOT,
    require_blessing: Annotated[
        bool, typer.Option("--require-blessing", help="Exit with 1 if the model is not blessed.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the pipeline on this machine: train a model, evaluate it, and push it if it is blessed."""
    with errors_as_sentences(debug):
        check_root(root)
        settings = settings_of(given.preset, given.config, given.data, given.overrides)
        if settings.push.destination is not None:
            check_directory("push.destination", settings.push.destination)
        begin(settings.headline, json=False)
        with quietly(root, "run") as log:
            check_base_model(settings)  # imports Keras: before TFX, which takes as long again
            from pipeline.commands.run import RUN_KEYS, reporting_to
            from pipeline.commands.run import run as run_pipeline
            from pipeline.terminal.progress import NodePrinter
            from pipeline.terminal.results import stayed
            from pipeline.terminal.show import show_result, show_stayed

            result = run_pipeline(settings, root, reporting_to(NodePrinter(sys.stderr)), log)
            if stayed(result):
                print_json(result) if json else show_stayed(result)
                return
            print_json(selected(result, RUN_KEYS)) if json else show_result(result)
        if require_blessing and not result["blessed"]:
            raise typer.Exit(FAILED)


@app.command(epilog="Example: fewshot evaluate --model served/ --images photos/test --way 5 --shot 1 --episodes 1000")
def evaluate(
    model: Model,
    images: Annotated[
        list[str],
        typer.Option(
            "--images",
            help="Folder of classes, or for a detector of pictures with boxes. May be given several times.",
        ),
    ],
    annotations: Annotated[
        str | None,
        typer.Option(
            "--annotations", help="File or folder of boxes (VOC, COCO, YOLO). By default those in the folder."
        ),
    ] = None,
    splits: Splits = None,
    split: Annotated[str, typer.Option("--split", help="Split of --splits to use: train, val or test.")] = "test",
    way: Annotated[str, typer.Option("--way", help="Classes in an episode: a number or a range (5..10).")] = "5",
    shot: Annotated[str, typer.Option("--shot", help="Support images per class: a number or a range.")] = "1",
    query: Annotated[int, typer.Option("--query", help="Query images per class.")] = 15,
    episodes: Annotated[int, typer.Option("--episodes", help="Number of episodes.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Seed that the episodes are drawn with.")] = 0,
    rotations: Annotated[
        bool, typer.Option("--rotations", help="Count each class turned by 90, 180 and 270 degrees as a new class.")
    ] = False,
    within_domain: Annotated[
        bool, typer.Option("--within-domain", help="Draw all classes of an episode from one domain.")
    ] = False,
    negatives: Annotated[
        int, typer.Option("--negatives", min=0, help="For a detector: queries that show none of the classes.")
    ] = 0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate an exported model on folders of images."""
    with errors_as_sentences(debug), quietly():
        begin(f"evaluating {model} on {', '.join(images)}", json)
        import_tensorflow_alone()
        from pipeline.commands.evaluate import check_counts, evaluate_folder, image_set_of, keys_of, spec_of
        from pipeline.terminal.progress import counter
        from pipeline.terminal.show import show_evaluation

        spec = spec_of(way, shot, query, rotations, within_domain, negatives)
        check_counts(episodes, seed)
        data = image_set_of(images, splits, split)
        with counter(episodes, sys.stderr) as progress:
            result = evaluate_folder(model, data, images, split, spec, episodes, seed, progress, annotations)
        print_json(selected(result, keys_of(result))) if json else show_evaluation(result)


@app.command(epilog="Example: fewshot adapt --model served/ --support defects/known --query defects/new")
def adapt(
    model: Model,
    support: Annotated[
        str | None,
        typer.Option(
            "--support", help="Folder of one folder of images per class; for a detector, of pictures with boxes."
        ),
    ] = None,
    annotations: Annotated[
        str | None,
        typer.Option("--annotations", help="File or folder of boxes (VOC, COCO, YOLO). By default those in --support."),
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", help="Folder of images to predict, at any depth, or one image.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="File of --save-state, in place of --support: nothing is learnt again."),
    ] = None,
    save_state: Annotated[
        str | None, typer.Option("--save-state", help="File to write what was learnt from --support to.")
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="Number of classes to show, the most probable first. By default 1."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0, max=1, help="Score from which on objects are shown. By default the model's."
        ),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option("--csv", help="File to write labels and probabilities to, or objects with scores and boxes."),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", help="File to write a page of pictures to, by class or with boxes.")
    ] = None,
    coco: Annotated[str | None, typer.Option("--coco", help="File to write objects to, as COCO results.")] = None,
    pictures: Annotated[
        str | None, typer.Option("--pictures", help="Folder to write pictures with boxes to, as PNG.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Adapt a model to the classes of one folder, and predict the images of another.

    The model decides what it takes and says: classes of whole images, or boxes around objects (--annotations, --threshold,
    --coco and --pictures are for these).

    Images that cannot be read are set aside and named, and all others are predicted. The exit code is then 1 if one of --query
    was set aside, and 0 if only --support has lost some but no class all of them.
    """
    with errors_as_sentences(debug), quietly():
        shows = {"--csv": csv, "--html": html, "--coco": coco, "--pictures": pictures}
        check_adapt_options(support, query, state, save_state, annotations, shows)
        aim = f"predict {query}" if query else f"write {save_state}"
        begin(f"adapting {model} to {support or state}, to {aim}", json)
        import_tensorflow_alone()
        from pipeline.commands.adapting import Asked, adapt_model

        files = {"csv": csv, "html": html, "coco": coco, "pictures": pictures}
        given = {
            "support": support,
            "annotations": annotations,
            "query": query,
            "state": state,
            "save_state": save_state,
        }
        if not adapt_model(Asked(model, **given, **files, top=top, threshold=threshold, json=json)):
            raise typer.Exit(FAILED)


@app.command(epilog="Example: fewshot inspect scenes --html scenes.html")
def inspect(
    data: Annotated[
        str,
        typer.Argument(help="Folder of classes, or of pictures with boxes; or TFRecords (a pattern) of such pictures."),
    ],
    annotations: Annotated[
        str | None,
        typer.Option(
            "--annotations", help="File or folder of boxes (VOC, COCO, YOLO). By default those in the folder."
        ),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", help="File to write a page of pictures with their boxes to.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say how images are understood: classes, counts, sizes of boxes, and what is set aside and why."""
    with errors_as_sentences(debug), quietly():
        begin(f"reading {data}", json)
        import_tensorflow_alone()
        from pipeline.commands.adapt import check_file
        from pipeline.commands.inspect import inspect as inspect_data
        from pipeline.terminal.inspected import show_inspection
        from pipeline.terminal.progress import counter

        check_file("--html", html)
        with counter(None, sys.stderr, "pictures") as progress:
            result, read = inspect_data(data, annotations, progress)
        if html:
            from pipeline.commands.inspected_page import write_inspected

            write_inspected(html, result, read)
        print_json(result) if json else show_inspection(result, html)


@app.command(epilog="Example: fewshot settings training")
def settings(
    section: Annotated[
        str | None, typer.Argument(help="Section whose settings are shown, such as training. All without it.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List every setting of a run with its type, its default and what it means."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands import settings as settings_module

        found = settings_module.find(section)
        print_json({"settings": settings_module.as_json(found)}) if json else settings_module.show(found)


@app.command(epilog="Example: fewshot doctor --root fewshot-runs")
def doctor(
    root: Root = ROOT,
    speed: Annotated[
        bool, typer.Option("--speed", help="Measure for a minute how many images a second it trains on and embeds.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check whether this machine can run the pipeline and what runs have left is whole, and say what to change."""
    with errors_as_sentences(debug), quietly():
        begin(f"checking this machine and {root}", json)
        from pipeline.commands import doctor as doctor_module
        from pipeline.commands.root_checks import check_runs

        checks = [*doctor_module.check(root), *check_runs(root)]
        if speed:
            from pipeline.commands.speed import speed as measure

            checks += measure()
        if json:
            print_json({"checks": [check._asdict() for check in checks]})
        else:
            doctor_module.show(checks)
        if not all(check.ok for check in checks):
            raise typer.Exit(FAILED)


@app.command(epilog="Example: fewshot rollback --destination fewshot-runs/serving/glyphs")
def rollback(
    destination: Annotated[str, typer.Option("--destination", help="Directory that models are pushed to.")],
    to: Annotated[
        int | None, typer.Option("--to", help="Version to serve. The default is the version before the present one.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve an earlier pushed model again."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands.rollback import rollback as roll_back

        path = roll_back(destination, to)
        print_json({"serving": path}) if json else print(f"serving again: {path}")


@runs_app.command("list", epilog="Example: fewshot runs list")
def runs_list(root: History = ROOT, json: Json = False, debug: Debug = False) -> None:
    """List all runs: their state, time, accuracy and blessing."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs, tables

        found = runs.list_runs(root)
        print_json({"runs": runs.as_json(found)}) if json else tables.show_list(found)


@runs_app.command("show", epilog="Example: fewshot runs show latest")
def runs_show(
    run_id: RunId,
    root: History = ROOT,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one run: its nodes, its settings, its artifacts, and why it failed if it did."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs, tables

        found = runs.show_run(root, run_id)
        print_json(runs.as_json(found)) if json else tables.show_one(found)


@runs_app.command("lineage", epilog="Example: fewshot runs lineage fewshot-runs/serving/glyphs/1767225600")
def runs_lineage(
    path: Annotated[str, typer.Argument(help="A pushed model, or an artifact of a run.")],
    root: History = ROOT,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which images and settings made a model."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs, tables

        found = runs.lineage(root, path)
        print_json({"lineage": runs.as_json(found)}) if json else tables.show_lineage(found)


@runs_app.command("explain", epilog="Example: fewshot runs explain latest")
def runs_explain(
    run_id: RunId,
    root: History = ROOT,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say why each node of a run was executed, or came from the cache."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history.explain import explain, show

        run_id, found = explain(root, run_id)
        nodes = [one._asdict() for one in found]
        print_json({"run_id": run_id, "nodes": nodes}) if json else show(run_id, found)


@runs_app.command("prune", epilog="Example: fewshot runs prune --keep 10")
def runs_prune(
    keep: Annotated[int, typer.Option("--keep", help="How many of the newest runs stay whole.")],
    root: Root = ROOT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove what neither the newest runs nor a model in production needs. Verdicts and reports stay."""
    with errors_as_sentences(debug), quietly():
        check_root(root)
        begin(f"looking at the runs in {root}", json)
        from pipeline.commands.prune import prune_runs, told

        found = prune_runs(root, keep, dry_run)
        print_json(found._asdict()) if json else print(told(found, dry_run))


def main() -> None:
    """Runs `fewshot`."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names may be of any bytes
    sys.path.append(os.getcwd())  # a user's own base model is looked up here, after all installed packages
    keep_freed_memory()
    app()


if __name__ == "__main__":
    main()
