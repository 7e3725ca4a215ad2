"""The commands for runs that are not here or not now: `compile`, `submit` and `schedule`."""

from typing import Annotated, Any, Literal

import typer

from pipeline.layers import check_base_model, check_places, settings_of
from pipeline.options import (
    ROOT,
    ClusterOptions,
    Debug,
    Json,
    SettingsOptions,
    check_root,
    given_of,
    with_options,
)
from pipeline.terminal.errors import INTERRUPTED, errors_as_sentences
from pipeline.terminal.json_output import print_json
from pipeline.terminal.quiet import begin, quietly

jobs_app = typer.Typer()

Target = Literal["vertex", "kubeflow"]


@jobs_app.command(
    "compile", epilog="Example: fewshot compile --target vertex --root gs://bucket/fewshot --output job.json"
)
@with_options
def compile_(
    *,
    output: Annotated[str, typer.Option("--output", help="File to write.")],
    target: Annotated[Target, typer.Option("--target", help="Platform that will run the pipeline.")] = "vertex",
    image: Annotated[str, typer.Option("--image", help="Container image with fewshot-tfx in it.")] = "fewshot-tfx",
    given: SettingsOptions,
    root: Annotated[
        str, typer.Option("--root", help="Directory that the cluster can reach.")
    ] = "gs://your-bucket/fewshot",
    mounted: Annotated[
        bool, typer.Option("--mounted", help="The cluster mounts the paths of this machine, for --root and images.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compile the same graph for Vertex AI or Kubeflow, offline."""
    with errors_as_sentences(debug), quietly():
        settings = settings_of(given.preset, given.config, given.data, given.overrides)
        check_places(settings, root, output, mounted)
        begin(f"compiling {settings.name} for {target}", json)
        check_base_model(settings)
        from pipeline.platforms.kubeflow import compile_pipeline
        from pipeline.terminal.show import show_compiled

        places = compile_pipeline(settings, root, target, output, image)
        if json:
            print_json({"output": output, "target": target, "images": places})
        else:
            show_compiled(target, output, places, f"{ROOT}/data/" if settings.data is None else None)


@jobs_app.command(epilog="Example: fewshot submit job.json --project my-project --location europe-west4")
@with_options
def submit(
    *,
    job: Annotated[str, typer.Argument(help="File that `fewshot compile` wrote.")],
    where: ClusterOptions,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a compiled pipeline on Vertex AI or Kubeflow."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands.submit import cluster_of
        from pipeline.platforms.clusters import read_compiled

        cluster = cluster_of(where)
        _send(cluster.run(read_compiled(job, cluster)), "started", where.dry_run, json)


@jobs_app.command(epilog='Example: fewshot schedule --cron "0 3 * * *" -- run --images photos')
@with_options
def schedule(
    *,
    context: typer.Context,
    what: Annotated[
        list[str], typer.Argument(help="`run` and its options, after --; or a file that `fewshot compile` wrote.")
    ],
    cron: Annotated[
        str | None, typer.Option("--cron", help="Times as five fields of cron, in UTC. Not with --once.")
    ] = None,
    root: Annotated[str | None, typer.Option("--root", help=f"Directory of the runs. By default {ROOT}.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Run now, and end: the clock is somebody else's.")] = False,
    notify: Annotated[
        str | None,
        typer.Option("--notify", help="Command to run after each run, with FEWSHOT_EXIT and FEWSHOT_SAID set."),
    ] = None,
    where: ClusterOptions,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the pipeline by a clock: on this machine as long as this command runs, or on Vertex AI or Kubeflow.

    Where no image is new, nothing is trained or pushed.
    """
    with errors_as_sentences(debug), quietly():
        from pipeline.cron import checked_cron

        here = what[0] == "run"
        foreign = {**where._asdict(), "json": json} if here else {"root": root, "once": once, "notify": notify}
        for option in given_of(foreign):
            place = "`run` on this machine" if here else "a compiled pipeline on a cluster"
            raise ValueError(f"{option} means nothing for {place}: leave it out")
        if (cron is None) != once:
            raise ValueError(f"--cron: expected {'none with --once' if once else 'times as five fields of cron'}")
        times = cron and checked_cron(cron)
        if here:
            raise typer.Exit(_keep(context, what, times, root or ROOT, notify))
        from pipeline.commands.submit import cluster_of
        from pipeline.platforms.clusters import read_compiled

        if len(what) != 1:
            raise ValueError(f"expected one file that `fewshot compile` wrote, got {len(what)}: {' '.join(what)}")
        cluster = cluster_of(where)
        _send(cluster.schedule(read_compiled(what[0], cluster), str(times)), "scheduled", where.dry_run, json)


def _send(request: Any, verb: str, dry_run: bool, json: bool) -> None:
    """Sends a request to a cluster and says what came of it, or shows it."""
    from pipeline.commands.submit import send

    if dry_run:
        print_json({"to": request.address, "body": request.body})
        return
    name = send(request)
    print_json({verb: name}) if json else print(f"{verb}: {name}")


def _keep(context: typer.Context, words: list[str], cron: str | None, root: str, notify: str | None) -> int:
    """Keeps the schedule of a root on this machine, or runs once without times; returns the exit code of the last run."""
    from pipeline.commands.child import Child, checked_words, notifier, utc_now
    from pipeline.commands.schedule import Schedule

    check_root(root)
    given = checked_words(words)
    _check_run(context, given[1:])
    child = Child([*given, "--root", root])
    kept = Schedule(root, cron, child.execute, notifier(notify), utc_now, child.wait)
    code = kept.keep() if cron else kept.once()
    return INTERRUPTED if code is None else code


def _check_run(context: typer.Context, words: list[str]) -> None:
    """Raises ValueError if `fewshot run` would not take these words."""
    command = context.find_root().command.commands["run"]  # type: ignore[attr-defined]
    try:
        given = command.make_context("run", words).params
    except Exception as error:  # Typer's errors of usage are not always Click's
        if said := getattr(error, "format_message", None):
            raise ValueError(f"run: {said()}") from error
        raise
    options = SettingsOptions._make(given[name] for name in SettingsOptions._fields)
    settings_of(options.preset, options.config, options.data, options.overrides)
