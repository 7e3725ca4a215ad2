"""`fewshot run`: runs the whole pipeline on this machine, from settings to a result."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import ml_metadata as mlmd
from tfx.dsl.io import fileio

from components.drift_detector.executor import PAGE
from components.episode_generator.classes import SplitClasses, asked, check_classes
from components.few_shot_evaluator.metrics_json import Metrics
from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.settings.metrics import METRICS, metric_of
from components.image_example_gen.summary import Summary
from components.meta_trainer.untrainable import untrainable
from data.listing import class_counts, fingerprint
from data.settings import ImageSetSettings
from pipeline.commands.disk import check_disk
from pipeline.commands.prune import pruned, told
from pipeline.commands.trouble import trouble_in
from pipeline.config import RunSettings
from pipeline.graph import create_pipeline
from pipeline.history.database import tell
from pipeline.history.failures import Failure, note_failure
from pipeline.history.homes import Home, home_for
from pipeline.history.metadata import opened_store
from pipeline.history.patient import PatientMetadata
from pipeline.image_sets import image_set, spans_told
from pipeline.plain_path import as_named, plain_path
from pipeline.platforms.local import NodeEnd, NodeError, NodeFailure, NodeStart, locked, run_locally
from pipeline.production import destination_of, run_fingerprint, served_before, start_of
from pipeline.terminal.images import nothing_trained
from pipeline.terminal.progress import NodePrinter
from pipeline.terminal.results import RunResult, Stayed

TRAINED_ON = ("train", "val")  # splits
RUN_KEYS = (
    "run_id",
    "ran",
    "blessed",
    "reasons",
    *(metric.key for metric in METRICS.values()),
    "ci95",
    "over_classes",
    "baselines",
    "report",
    "pushed_model",
    "seconds",
    "duplicates",
    "classes",
    "decision",
    "because",
)

DECIDED = ("decision", "because")  # properties of the output of the DriftDetector

Report = Callable[[NodeStart | NodeEnd | NodeFailure], None]


def reporting_to(printer: NodePrinter) -> Report:
    """Returns a function that hands the start and the end of a node to `printer`."""

    def report(event: NodeStart | NodeEnd | NodeFailure) -> None:
        if isinstance(event, NodeStart):
            printer.started(*event)
        elif isinstance(event, NodeEnd):
            printer.ended(*event)

    return report


def noting(report: Report, root: str, log: str | None) -> Report:
    """Returns a function that does the same as `report`, and notes in ML Metadata why a node failed.

    Args:
      report: gets what happens to each node.
      root: directory of the runs.
      log: path of the log that has the traceback, if there is one.
    """

    def report_and_note(event: NodeStart | NodeEnd | NodeFailure) -> None:
        report(event)
        if isinstance(event, NodeFailure):
            note_failure(root, event.run_id, Failure(event.node, event.reason, log and os.path.abspath(log)))

    return report_and_note


def run(settings: RunSettings, root: str, report: Report, log: str | None = None) -> RunResult | Stayed:
    """Runs the pipeline.

    Args:
      settings: of the run.
      root: local directory of artifacts, metadata, checkpoints and pushed models.
      report: gets the start and the end of each node, or its failure.
      log: path of the log that gets the traceback of a failure, if there is one.

    Returns:
      The metrics, the verdict, and where the report and the model are; or why nothing was trained.

    Raises:
      ValueError: settings or data do not fit.
      NodeError: a component failed.
    """
    began = time.monotonic()
    ran: list[str] = []
    named, root = root, plain_path(root)
    check_disk(root)
    try:
        with locked(root):
            home = home_for(root, settings.metadata)
            with trouble_in(root, destination_of(settings, root)):
                home.make_ready(tell)
                data = image_set(settings, root)
                for sentence in spans_told(data):
                    tell(sentence)
                classes = check_data(settings, data)
                settings = start_of(settings, root, lambda: fingerprint(data, TRAINED_ON))
                check_training(settings, classes)
                content = fingerprint(data)
                served = served_before(destination_of(settings, root), run_fingerprint(settings, content))
                pipeline = create_pipeline(settings, data, root, content, served, home.suffix)
                report = listing(saving(noting(report, root, log), home), ran)
                run_id = run_locally(pipeline, report, partial(PatientMetadata, home, tell), tell, home.suffix)
                home.save(tell)
                if settings.keep_runs and (removed := pruned(root, settings.keep_runs)).directories:
                    tell(told(removed))
    except NodeError as error:
        error.add_note(f"the same command goes on from {error.node}")
        raise
    result = result_of(root, settings.name, run_id, lambda path: as_named(path, named))
    result["ran"] = ran
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def listing(report: Report, ran: list[str]) -> Report:
    """Returns a function that does the same as `report`, and adds each node that was executed to `ran`."""

    def report_and_list(event: NodeStart | NodeEnd | NodeFailure) -> None:
        report(event)
        if isinstance(event, NodeEnd) and event.outcome == "executed":
            ran.append(event.node)

    return report_and_list


def saving(report: Report, home: Home) -> Report:
    """Returns a function that does the same as `report`, and backs the metadata up after each node that was executed."""

    def report_and_save(event: NodeStart | NodeEnd | NodeFailure) -> None:
        report(event)
        if isinstance(event, NodeEnd) and event.outcome == "executed":
            home.save(tell)

    return report_and_save


def check_data(settings: RunSettings, data: ImageSetSettings) -> dict[str, ClassIndex]:
    """Returns the classes of each split; raises ValueError if one has too few classes or images for one episode.

    No image is read for this, so bad files and duplicates still count here; the EpisodeGenerator checks again without them.
    """
    classes = {split: ClassIndex.of(counts) for split, counts in class_counts(data).items()}
    for one in asked(settings.episode_generator(), classes):
        check_classes(one, classes[one.split])
    return classes


def check_training(settings: RunSettings, classes: Mapping[str, ClassIndex]) -> None:
    """Says if nothing is trained; raises ValueError if it would have to be."""
    if classes["train"].names:
        return
    test = list(zip(classes["test"].names, classes["test"].counts.tolist(), strict=True))
    if reason := untrainable(settings.trainer(), test):
        raise ValueError(reason)
    tell(nothing_trained(len(test)))


def result_of(root: str, name: str, run_id: str, named: Callable[[str], str] = lambda path: path) -> RunResult | Stayed:
    """Returns the result of a run, read from its artifacts in ML Metadata. `seconds` is 0, and `ran` empty.

    Args:
      root: of the runs.
      name: of the pipeline.
      run_id: of the run.
      named: makes of a path the one that users are told.
    """
    outputs = run_outputs(root, run_id)
    drift = outputs.get("DriftDetector", {}).get("drift")
    decided = [None, None] if drift is None else [drift.custom_properties[key].string_value for key in DECIDED]
    if "FewShotEvaluator" not in outputs:
        assert drift is not None and decided[0] is not None and decided[1] is not None
        page = named(os.path.join(drift.uri, PAGE))
        return Stayed(run_id=run_id, ran=[], decision=decided[0], because=decided[1], report=page, seconds=0.0)
    evaluation = outputs["FewShotEvaluator"]["evaluation"]
    metrics: Metrics = _read(evaluation, "metrics.json")
    metric = metric_of(metrics)
    examples = outputs["ImageExampleGen"]["examples"]
    summary: Summary = _read(examples, "summary.json")
    classes: list[SplitClasses] = _read(outputs["EpisodeGenerator"]["episodes"], "classes.json")
    pushed = outputs["Pusher"]["pushed_model"]
    destination = pushed.custom_properties["pushed_destination"].string_value  # empty if nothing was pushed
    told = {
        "run_id": run_id,
        "ran": [],
        "blessed": metrics["blessed"],
        metric.key: metric.of(metrics),
        "ci95": metrics["ci95"],
        "over_classes": metrics["over_classes"],
        "baselines": metrics["baselines"],
        "report": named(os.path.join(evaluation.uri, "report.html")),
        "pushed_model": named(destination) if destination and fileio.exists(destination) else None,
        "seconds": 0.0,
        "duplicates": summary["duplicates"],
        "classes": classes,
        "decision": decided[0],
        "because": decided[1],
        "train_classes": summary["splits"]["train"]["classes"],
        "chosen": metrics["chosen"],
        "candidates": metrics["candidates"],
        "production": metrics["production"],
        "best": metrics["best"],
        "warm_start": metrics["warm_start"],
        "reasons": metrics["reasons"],
        "title": f"{metrics['learner']} on {name}",
        "inductive": metrics["inductive"] and metrics["independence"]["holds"],
        "batch_norm": metrics["batch_norm"],
        "rejected": summary["rejected"],
        "damaged": summary["policy"]["damaged"],
        "damaged_files": summary["damaged_files"],
        "passed_over": summary["passed_over"],
        "differ_by_case": summary["differ_by_case"],
        "duplicate_files": summary["duplicate_files"],
        "duplicates_list": named(os.path.join(examples.uri, "duplicates.json")),
    }
    return cast(RunResult, told)


def _read(artifact: mlmd.proto.Artifact, name: str) -> Any:
    """Returns the content of a JSON file of an artifact."""
    with fileio.open(os.path.join(artifact.uri, name)) as file:
        return json.load(file)


def run_outputs(root: str, run_id: str) -> dict[str, dict[str, mlmd.proto.Artifact]]:
    """Returns the output artifacts of a run, by node and by output key. Cached ones are included."""
    store = opened_store(root, write=True)  # to read what a killed process left, SQLite has to write
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
