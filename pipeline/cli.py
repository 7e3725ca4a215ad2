"""The command line: it declares the commands, and `pipeline/commands/` does their work. Those for models and images are in
`cli_models.py`, those for jobs in `cli_jobs.py`.

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
from pipeline.cli_models import models_app
from pipeline.heap import keep_freed_memory
from pipeline.layers import check_base_model, settings_of
from pipeline.options import (
    ROOT,
    Debug,
    History,
    Json,
    Root,
    RunId,
    SettingsOptions,
    check_directory,
    check_root,
    with_options,
)
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
app.add_typer(models_app)
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
