"""The commands that use a model, or look at images, without a pipeline: `evaluate`, `adapt` and `inspect`. None needs TFX."""

import sys
from typing import Annotated

import typer

from pipeline.layers import check_adapt_options
from pipeline.options import Annotations, Debug, Json, Model, Splits
from pipeline.tensorflow_alone import import_tensorflow_alone
from pipeline.terminal.errors import FAILED, errors_as_sentences
from pipeline.terminal.json_output import print_json, selected
from pipeline.terminal.quiet import begin, quietly

models_app = typer.Typer()


@models_app.command(
    epilog="Example: fewshot evaluate --model served/ --images photos/test --way 5 --shot 1 --episodes 1000"
)
def evaluate(
    model: Model,
    images: Annotated[
        list[str],
        typer.Option(
            "--images",
            help="Folder of classes, or for a detector of pictures with boxes. May be given several times.",
        ),
    ],
    annotations: Annotations = None,
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


@models_app.command(epilog="Example: fewshot adapt --model served/ --support defects/known --query defects/new")
def adapt(
    model: Model,
    support: Annotated[
        str | None,
        typer.Option(
            "--support", help="Folder of one folder of images per class; for a detector, of pictures with boxes."
        ),
    ] = None,
    annotations: Annotations = None,
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


@models_app.command(epilog="Example: fewshot inspect scenes --html scenes.html")
def inspect(
    data: Annotated[
        str,
        typer.Argument(help="Folder of classes, or of pictures with boxes; or TFRecords (a pattern) of such pictures."),
    ],
    annotations: Annotations = None,
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
