"""`fewshot run`: the whole pipeline on this machine, from settings to a result."""

import json
import os
import time
from collections.abc import Callable
from typing import Any

import ml_metadata as mlmd
from tfx.dsl.io import fileio
from tfx.orchestration import metadata

from data.settings import ImageSetSettings
from data.sources.checks import check_enough
from data.sources.image_sets import class_counts, fingerprint
from pipeline.config import RunSettings
from pipeline.graph import create_pipeline, metadata_path
from pipeline.image_sets import image_set
from pipeline.platforms.local import NodeEnd, NodeStart, locked, run_locally


def run(settings: RunSettings, root: str, report: Callable[[NodeStart | NodeEnd], None]) -> dict[str, Any]:
    """Runs the pipeline under `root`.

    Returns:
      `run_id, blessed, accuracy, ci95, baselines, report, pushed_model, seconds`, and for people `previous`, `reasons`,
      `title`, `inductive`, `batch_norm`, `rejected` (files set aside) and `leaks` (images on two sides of a split).

    Raises:
      ValueError: bad settings or data, said in one sentence; `NodeError` where a component failed.
    """
    began = time.monotonic()
    root = os.path.abspath(root)
    with locked(root):
        data = image_set(settings, root)
        check_data(settings, data)
        pipeline = create_pipeline(settings, data, root, data_fingerprint=fingerprint(data))
        run_id = run_locally(pipeline, report)
    return result_of(root, settings.name, run_id) | {"seconds": round(time.monotonic() - began, 1)}


def check_data(settings: RunSettings, data: ImageSetSettings) -> None:
    """Raises ValueError before anything runs if a split cannot give one episode."""
    counts = class_counts(data)
    asked = [("train", settings.train_episodes), ("val", settings.episodes), ("test", settings.episodes)]
    asked += [("test", also.spec) for also in settings.also]
    for split, spec in asked:
        check_enough(
            counts[split],
            split=split,
            way=spec.way_range[1] + spec.distractors,
            images_per_class=spec.images_per_class,
            rotations=spec.rotations,
            within_domain=spec.within_domain,
        )


def result_of(root: str, name: str, run_id: str) -> dict[str, Any]:
    """What a run came to, by its outputs in ML Metadata."""
    outputs = run_outputs(root, run_id)
    evaluation = outputs["FewShotEvaluator"]["evaluation"]
    metrics = read_json(evaluation.uri, "metrics.json")
    summary = read_json(outputs["ImageExampleGen"]["examples"].uri, "summary.json")
    pushed = outputs["Pusher"]["pushed_model"]
    destination = pushed.custom_properties["pushed_destination"].string_value  # empty where nothing was pushed
    return {
        "run_id": run_id,
        "blessed": metrics["blessed"],
        "accuracy": metrics["accuracy"],
        "ci95": metrics["ci95"],
        "baselines": metrics["baselines"],
        "report": os.path.join(evaluation.uri, "report.html"),
        "pushed_model": destination if destination and fileio.exists(destination) else None,
        "previous": metrics["previous"],
        "reasons": metrics["reasons"],
        "title": f"{metrics['learner']} on {name}",
        "inductive": metrics["inductive"] and metrics["independence"]["holds"],
        "batch_norm": metrics["batch_norm"],
        "rejected": summary["rejected"],
        "leaks": summary["leak_count"],
    }


def read_json(uri: str, name: str) -> dict[str, Any]:
    """A JSON file of an artifact."""
    with fileio.open(os.path.join(uri, name)) as file:
        return json.load(file)


def run_outputs(root: str, run_id: str) -> dict[str, dict[str, mlmd.proto.Artifact]]:
    """Output artifacts of a run: by node, by output key; cached ones too."""
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
