"""The command line. Imports are inside the commands, so that `fewshot --help` answers at once."""

import json as json_module
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import click
import typer

from pipeline.presets import PRESETS

app = typer.Typer(
    help="Few-shot image models: meta-trained, proven on frozen episodes, pushed as a SavedModel that adapts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(help="History and lineage of runs, from ML Metadata.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")

Target = Literal["vertex", "kubeflow"]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Root = Annotated[str, typer.Option("--root", help="Directory of artifacts, metadata, checkpoints and pushed models.")]
Preset = Annotated[str | None, typer.Option("--preset", help=f"Settings by name: {', '.join(PRESETS)}.")]
Config = Annotated[str | None, typer.Option("--config", help="YAML file of settings, over the preset.")]
TrainDir = Annotated[str | None, typer.Option("--train-dir", help="Folder of classes to learn from.")]
ValDir = Annotated[str | None, typer.Option("--val-dir", help="Folder of classes to choose by; else some of train.")]
TestDir = Annotated[str | None, typer.Option("--test-dir", help="Folder of classes to be judged on.")]
Images = Annotated[list[str] | None, typer.Option("--images", help="Folder of classes; may be given several times.")]
Splits = Annotated[str | None, typer.Option("--splits", help="Class lists of the splits: file.json or file.json#name.")]
Overrides = Annotated[list[str] | None, typer.Argument(help="Settings as key=value: training.steps=200.")]

ROOT = "fewshot-runs"
FAILED, BAD_USAGE = 1, 2


@app.command(epilog="Example: fewshot run --train-dir photos/train --test-dir photos/test training.steps=1000")
def run(
    overrides: Overrides = None,
    preset: Preset = None,
    config: Config = None,
    train_dir: TrainDir = None,
    val_dir: ValDir = None,
    test_dir: TestDir = None,
    images: Images = None,
    splits: Splits = None,
    root: Root = ROOT,
    require_blessing: Annotated[bool, typer.Option("--require-blessing", help="Exit 1 unless blessed.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the pipeline on this machine: images in, a model that adapts and the proof of its quality out."""
    with errors_as_sentences(debug), quietly(root, "run"):
        from pipeline.commands.run import run as run_pipeline
        from pipeline.terminal.show import node_printer, show_result

        if "://" in root:
            raise ValueError(f"--root {root}: expected a directory of this machine; `fewshot compile` is for elsewhere")
        data = {"train_dir": train_dir, "val_dir": val_dir, "test_dir": test_dir, "images": images, "splits": splits}
        settings = settings_of(preset, config, data, overrides)
        result = run_pipeline(settings, root, node_printer(sys.stderr))
        print_json(result, RUN_KEYS) if json else show_result(result)
        if require_blessing and not result["blessed"]:
            raise typer.Exit(FAILED)


EVALUATE_KEYS = ("accuracy", "ci95", "log_loss", "ece", "episodes", "way", "shot", "query", "seed", "inductive")
RUN_KEYS = ("run_id", "blessed", "accuracy", "ci95", "baselines", "report", "pushed_model", "seconds")


@app.command(epilog="Example: fewshot evaluate --model served/ --images photos/test --way 5 --shot 1 --episodes 1000")
def evaluate(
    model: Annotated[str, typer.Option("--model", help="An exported model, or where models are pushed to.")],
    images: Annotated[list[str], typer.Option("--images", help="Folder of classes; may be given several times.")],
    splits: Splits = None,
    split: Annotated[str, typer.Option("--split", help="Which of --splits: train, val or test.")] = "test",
    way: Annotated[str, typer.Option("--way", help="Classes an episode: a number or a range (5..10).")] = "5",
    shot: Annotated[str, typer.Option("--shot", help="Support images a class: a number or a range.")] = "1",
    query: Annotated[int, typer.Option("--query", help="Query images a class.")] = 15,
    episodes: Annotated[int, typer.Option("--episodes", help="How many episodes.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of the episodes.")] = 0,
    rotations: Annotated[bool, typer.Option("--rotations", help="Quarter turns are classes of their own.")] = False,
    within_domain: Annotated[bool, typer.Option("--within-domain", help="Classes of one domain an episode.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Judge any exported model on any folder of images."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands.adapt import evaluate_folder, image_set_of
        from pipeline.terminal.show import counter, show_evaluation

        spec = spec_of(way=way, shot=shot, query=query, rotations=rotations, within_domain=within_domain)
        if episodes < 2:
            raise ValueError(f"--episodes {episodes}: expected at least 2, for an interval needs two")
        if seed < 0:
            raise ValueError(f"--seed {seed}: expected 0 or more")
        data = image_set_of(images, splits, split)
        with counter(episodes, sys.stderr) as progress:
            result = evaluate_folder(model, data, images, split, spec, episodes, seed, progress)
        print_json(result, EVALUATE_KEYS) if json else show_evaluation(result)


@app.command(epilog="Example: fewshot adapt --model served/ --support defects/known --query defects/new")
def adapt(
    model: Annotated[str, typer.Option("--model", help="An exported model, or where models are pushed to.")],
    support: Annotated[str, typer.Option("--support", help="Folder of classes: a folder of images each.")],
    query: Annotated[str, typer.Option("--query", help="Folder of images to predict.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Adapt to the classes of a folder, and predict every image of another."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands.adapt import adapt as adapt_to
        from pipeline.terminal.show import show_predictions

        predictions = adapt_to(model, support, query)
        print_json({"predictions": predictions}) if json else show_predictions(predictions)


@app.command("compile", epilog="Example: fewshot compile --target vertex --root gs://bucket/fewshot --output job.json")
def compile_(
    output: Annotated[str, typer.Option("--output", help="File to write.")],
    target: Annotated[Target, typer.Option("--target", help="Where it will run.")] = "vertex",
    image: Annotated[str, typer.Option("--image", help="Container image with fewshot-tfx in it.")] = "fewshot-tfx",
    overrides: Overrides = None,
    preset: Preset = None,
    config: Config = None,
    train_dir: TrainDir = None,
    val_dir: ValDir = None,
    test_dir: TestDir = None,
    images: Images = None,
    splits: Splits = None,
    root: Annotated[
        str, typer.Option("--root", help="Directory that the cluster reaches.")
    ] = "gs://your-bucket/fewshot",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compile the same graph for Vertex AI or Kubeflow, offline."""
    with errors_as_sentences(debug), quietly():
        from pipeline.platforms.kubeflow import compile_pipeline

        data = {"train_dir": train_dir, "val_dir": val_dir, "test_dir": test_dir, "images": images, "splits": splits}
        settings = settings_of(preset, config, data, overrides)
        places = compile_pipeline(settings, root, target, output, image)
        if json:
            print_json({"output": output, "target": target, "images": places})
        else:
            print(f"compiled for {target}: {output}")
            print(f"its images: {', '.join(places)}")
            if settings.data is None:
                print(f"  ! copy the built-in ones there first: a local `fewshot run` leaves them in {ROOT}/data/")


@app.command(epilog="Example: fewshot doctor")
def doctor(root: Root = ROOT, json: Json = False, debug: Debug = False) -> None:
    """Check this machine, and say what to do."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands import doctor as doctor_module

        checks = doctor_module.check(root)
        if json:
            print_json({"checks": [check._asdict() for check in checks]})
        else:
            doctor_module.show(checks)
        if not all(check.ok for check in checks):
            raise typer.Exit(FAILED)


@app.command(epilog="Example: fewshot rollback --destination fewshot-runs/serving/glyphs")
def rollback(
    destination: Annotated[str, typer.Option("--destination", help="Where models are pushed to.")],
    to: Annotated[int | None, typer.Option("--to", help="Version to serve again; else the one before.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve an earlier pushed model again."""
    with errors_as_sentences(debug), quietly():
        from pipeline.commands.rollback import rollback as roll_back

        path = roll_back(destination, to)
        print_json({"serving": path}) if json else print(f"serving again: {path}")


@runs_app.command("list", epilog="Example: fewshot runs list")
def runs_list(root: Root = ROOT, json: Json = False, debug: Debug = False) -> None:
    """What ran, when, and what came of it."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs

        found = runs.list_runs(root)
        print_json({"runs": runs.as_json(found)}) if json else runs.show_list(found)


@runs_app.command("show", epilog="Example: fewshot runs show 20260131-120000-000000")
def runs_show(run_id: str, root: Root = ROOT, json: Json = False, debug: Debug = False) -> None:
    """One run: its nodes, with what settings, from the cache or not, what they made."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs

        found = runs.show_run(root, run_id)
        print_json(runs.as_json(found)) if json else runs.show_one(found)


@runs_app.command("lineage", epilog="Example: fewshot runs lineage fewshot-runs/serving/glyphs/1767225600")
def runs_lineage(path: str, root: Root = ROOT, json: Json = False, debug: Debug = False) -> None:
    """Which data and settings made the model at PATH."""
    with errors_as_sentences(debug), quietly():
        from pipeline.history import runs

        found = runs.lineage(root, path)
        print_json({"lineage": runs.as_json(found)}) if json else runs.show_lineage(found)


def settings_of(preset: str | None, config: str | None, data: dict[str, Any], overrides: list[str] | None) -> Any:
    """The settings that a command names: preset < file < options < key=value."""
    from pipeline.config import load_settings, parse_overrides, read_config
    from pipeline.presets import find_preset

    named = {key: value for key, value in data.items() if value}
    layers = [read_config(config) if config else {}, {"data": named} if named else {}, parse_overrides(overrides or [])]
    own_images = any("data" in layer for layer in layers)
    return load_settings(find_preset(preset or ("images" if own_images else "glyphs")), *layers)


def spec_of(**values: Any) -> Any:
    """An episode specification from options; `5..10` is a range."""
    from pydantic import ValidationError

    from components.fewshot.episodes.episode import EpisodeSpec

    for key in ("way", "shot"):
        try:
            bounds = [int(bound) for bound in values[key].split("..")]
        except ValueError:
            raise ValueError(f"--{key} {values[key]}: expected a number (5) or a range (5..10)") from None
        values[key] = bounds[0] if len(bounds) == 1 else tuple(bounds)
    try:
        return EpisodeSpec(**values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"--{first['loc'][0]}: {reason}, got {first['input']}") from error


def print_json(result: dict[str, Any], keys: tuple[str, ...] | None = None) -> None:
    """One object on the real standard output."""
    chosen = {key: result[key] for key in keys} if keys else result
    print(json_module.dumps(chosen, ensure_ascii=False), file=sys.__stdout__, flush=True)


@contextmanager
def errors_as_sentences(debug: bool) -> Iterator[None]:
    """Prints an error as one sentence and exits: 2 where the call was wrong, 1 where a run failed."""
    try:
        yield
    except (click.exceptions.Exit, click.ClickException):
        raise
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # for what Python flushes at its end
        raise typer.Exit(0) from None
    except (ValueError, OSError) as error:
        if debug:
            traceback.print_exc()
        failed = type(error).__name__ == "NodeError"
        print(f"fewshot: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(FAILED if failed else BAD_USAGE) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        said = next(iter(str(error).strip().splitlines()), "")
        print(f"fewshot: {type(error).__name__}: {said} (--debug shows where)", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        print("fewshot: interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(130) from None


@contextmanager
def quietly(root: str | None = None, name: str = "") -> Iterator[None]:
    """What libraries log goes to a file: below `root`, or away where a command keeps none. Their stray prints go to
    standard error, so that standard output holds only what was asked for."""
    import datetime

    from pipeline.terminal.quiet import noise_to, silence_imports

    silence_imports()
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    log = os.path.join(root, "logs", f"{name}-{stamp}.log") if root and "://" not in root else os.devnull
    with noise_to(log):
        yield


def main() -> None:
    """Entry point of `fewshot`."""
    sys.path.append(os.getcwd())  # where a base model of one's own is looked for, after everything that is installed
    app()


if __name__ == "__main__":
    main()
