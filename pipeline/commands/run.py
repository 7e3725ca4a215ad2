"""`fewshot run`: runs the whole pipeline on this machine, from settings to a result."""

import json
import os
import time
from collections.abc import Callable

import ml_metadata as mlmd
from tfx.dsl.io import fileio
from tfx.orchestration import metadata

from components.episode_generator.classes import SplitClasses, asked, check_classes
from components.few_shot_evaluator.metrics_json import Metrics
from components.fewshot.episodes.episode import ClassIndex
from components.image_example_gen.summary import Summary
from data.settings import ImageSetSettings
from data.sources.image_sets import class_counts, fingerprint
from pipeline.config import RunSettings
from pipeline.graph import create_pipeline, metadata_path
from pipeline.image_sets import image_set
from pipeline.platforms.local import NodeEnd, NodeStart, locked, run_locally
from pipeline.production import destination_of, run_fingerprint, served_before, start_of
from pipeline.terminal.progress import NodePrinter
from pipeline.terminal.results import RunResult

TRAINED_ON = ("train", "val")  # splits
RUN_KEYS = (
    "run_id",
    "blessed",
    "accuracy",
    "ci95",
    "over_classes",
    "baselines",
    "report",
    "pushed_model",
    "seconds",
    "duplicates",
    "classes",
)

Report = Callable[[NodeStart | NodeEnd], None]


def check_root(root: str) -> None:
    """Raises ValueError if `root` is not on this machine."""
    if "://" in root:
        raise ValueError(f"--root {root}: expected a directory of this machine; `fewshot compile` is for other places")


def reporting_to(printer: NodePrinter) -> Report:
    """Returns a function that hands the start and the end of a node to `printer`."""

    def report(event: NodeStart | NodeEnd) -> None:
        if isinstance(event, NodeStart):
            printer.started(*event)
        else:
            printer.ended(*event)

    return report


def run(settings: RunSettings, root: str, report: Report) -> RunResult:
    """Runs the pipeline.

    Args:
      settings: of the run.
      root: local directory of artifacts, metadata, checkpoints and pushed models.
      report: gets the start and the end of each node.

    Returns:
      The metrics, the verdict, and where the report and the model are.

    Raises:
      ValueError: settings or data do not fit.
      NodeError: a component failed.
    """
    began = time.monotonic()
    root = os.path.abspath(root)
    with locked(root):
        data = image_set(settings, root)
        check_data(settings, data)
        settings = start_of(settings, root, lambda: fingerprint(data, TRAINED_ON))
        content = fingerprint(data)
        served = served_before(destination_of(settings, root), run_fingerprint(settings, content))
        pipeline = create_pipeline(settings, data, root, data_fingerprint=content, served=served)
        run_id = run_locally(pipeline, report)
    result = result_of(root, settings.name, run_id)
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def check_data(settings: RunSettings, data: ImageSetSettings) -> None:
    """Raises ValueError if a split has too few classes or images for one episode.

    No image is read for this, so bad files and duplicates still count here; the EpisodeGenerator checks again without them.
    """
    counts = class_counts(data)
    for one in asked(settings.episode_generator()):
        check_classes(one, ClassIndex.of(counts[one.split]))


def result_of(root: str, name: str, run_id: str) -> RunResult:
    """Returns the result of a run, read from its artifacts in ML Metadata. `seconds` is 0."""
    outputs = run_outputs(root, run_id)
    evaluation = outputs["FewShotEvaluator"]["evaluation"]
    with fileio.open(os.path.join(evaluation.uri, "metrics.json")) as file:
        metrics: Metrics = json.load(file)
    examples = outputs["ImageExampleGen"]["examples"].uri
    with fileio.open(os.path.join(examples, "summary.json")) as file:
        summary: Summary = json.load(file)
    with fileio.open(os.path.join(outputs["EpisodeGenerator"]["episodes"].uri, "classes.json")) as file:
        classes: list[SplitClasses] = json.load(file)
    pushed = outputs["Pusher"]["pushed_model"]
    destination = pushed.custom_properties["pushed_destination"].string_value  # empty if nothing was pushed
    return {
        "run_id": run_id,
        "blessed": metrics["blessed"],
        "accuracy": metrics["accuracy"],
        "ci95": metrics["ci95"],
        "over_classes": metrics["over_classes"],
        "baselines": metrics["baselines"],
        "report": os.path.join(evaluation.uri, "report.html"),
        "pushed_model": destination if destination and fileio.exists(destination) else None,
        "seconds": 0.0,
        "duplicates": summary["duplicates"],
        "classes": classes,
        "production": metrics["production"],
        "best": metrics["best"],
        "warm_start": metrics["warm_start"],
        "reasons": metrics["reasons"],
        "title": f"{metrics['learner']} on {name}",
        "inductive": metrics["inductive"] and metrics["independence"]["holds"],
        "batch_norm": metrics["batch_norm"],
        "rejected": summary["rejected"],
        "duplicate_files": summary["duplicate_files"],
        "duplicates_list": os.path.join(examples, "duplicates.json"),
    }


def run_outputs(root: str, run_id: str) -> dict[str, dict[str, mlmd.proto.Artifact]]:
    """Returns the output artifacts of a run, by node and by output key. Cached ones are included."""
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(metadata_path(root))) as handle:
        store = handle.store
        context = store.get_context_by_type_and_name("pipeline_run", run_id)
        found: dict[str, dict[str, mlmd.proto.Artifact]] = {}
        for execution in store.get_executions_by_context(context.id):
            node = _node_of(store, execution)
            for event in store.get_events_by_execution_ids([execution.id]):
                if event.type == mlmd.proto.Event.OUTPUT:
                    key = event.path.steps[0].key
                    found.setdefault(node, {})[key] = store.get_artifacts_by_id([event.artifact_id])[0]
        return found


def _node_of(store: mlmd.MetadataStore, execution: mlmd.proto.Execution) -> str:
    names = [c.name for c in store.get_contexts_by_execution(execution.id) if c.type == "node"]
    return names[0].split(".")[-1] if names else ""
