"""Executor of the MetaTrainer: it connects artifacts with the work in `train.py`."""

import json
import os
import time
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.fewshot import integrity
from components.fewshot.kinds import KINDS
from components.fewshot.serving.module import export
from components.fewshot.training.history import HISTORY, TIMING
from components.meta_trainer.progress import Reporter, tell
from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.train import (
    WEIGHTS,
    Inputs,
    manifest_of,
    model_fingerprint,
    save_weights,
    train,
)
from components.transform_graph import preprocess_of

FINGERPRINTS = ("fingerprint_train", "fingerprint_val", "fingerprint_test", "hash_val", "hash_test")
# By these a later run draws the test episodes again. The first are JSON, the others numbers.
SPEC, NUMBERS = ("spec_test", "spans"), ("seed", "test_episodes")


class Executor(base_executor.BaseExecutor):
    """Trains a learner on episodes; writes a SavedModel and the record of its training."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains from the start or from a checkpoint, and exports the model.

        Raises:
          ValueError: training diverged, or cannot be deterministic here.
          Damaged: an input, or the model that training starts from, has other bytes than were written.
        """
        integrity.verify(*integrity.places(input_dict))
        settings = TrainerSettings.model_validate_json(exec_properties["settings"])
        if settings.warm_start:
            integrity.verify(settings.warm_start, mend="start from another model, or from none (warm_start)")
        episodes = artifact_utils.get_single_instance(input_dict["episodes"])
        graph = artifact_utils.get_single_instance(input_dict["transform_graph"])
        model = artifact_utils.get_single_instance(output_dict["model"])
        run = artifact_utils.get_single_instance(output_dict["model_run"])
        inputs = Inputs(
            train=artifact_utils.get_split_uri([episodes], "train"),
            val=artifact_utils.get_split_uri([episodes], "val"),
            test=artifact_utils.get_split_uri([episodes], "test"),
            val_episodes=episodes.get_int_custom_property("val_episodes"),
            **features_of(input_dict.get("features", [])),
        )
        for output in (model, run):
            output.set_string_custom_property("title", exec_properties["title"])
        began = time.monotonic()
        reporter = Reporter(exec_properties["title"], run.uri, settings.training.all_steps)
        code = exec_properties["code_fingerprint"]
        try:
            trained = train(settings, inputs, exec_properties["checkpoint_root"], code, reporter, tell)
        finally:
            if hasattr(reporter, "history"):
                reporter.close()
        timing = {"training_seconds": time.monotonic() - began}
        data: dict[str, object] = {key: episodes.get_string_custom_property(key) for key in FINGERPRINTS}
        data |= {key: json.loads(episodes.get_string_custom_property(key) or "null") for key in SPEC}
        data |= {key: episodes.get_int_custom_property(key) for key in NUMBERS}
        lineage = {
            "episodes": {"id": episodes.id, "uri": episodes.uri},
            "transform_graph": {"id": graph.id, "uri": graph.uri},
            "model_uri": model.uri,
            "model_fingerprint": model_fingerprint(trained.learner, settings, code),
            "warm_start_from": settings.warm_start if trained.warm else None,
            "no_warm_start": trained.no_warm_start,
        }
        preprocess, resources = preprocess_of(graph.uri, settings.image)
        server = KINDS[settings.kind].server(trained.learner, preprocess, settings.image, resources)
        directory = path_utils.serving_model_dir(model.uri)
        export(server, manifest_of(trained, settings, data, lineage), directory)
        save_weights(trained.learner, os.path.join(directory, WEIGHTS))
        trained.seen.write(directory)
        integrity.seal(directory)  # on its own, because training may start from it
        write_json(os.path.join(run.uri, HISTORY), trained.history)
        write_json(os.path.join(run.uri, TIMING), timing | {"seconds": time.monotonic() - began})
        integrity.seal(*integrity.places(output_dict))


def features_of(artifacts: list[types.Artifact]) -> dict[str, Any]:
    """Returns what `Inputs` holds of features, if there are any."""
    if not artifacts:
        return {}
    uris = {split: artifact_utils.get_split_uri(artifacts, split) for split in ("train", "val")}
    return {"features": uris, "trunk": artifacts[0].get_string_custom_property("trunk")}


def write_json(path: str, value: object) -> None:
    """Writes a JSON file on any file system."""
    fileio.makedirs(os.path.dirname(path))
    with fileio.open(path, "w") as file:
        file.write(json.dumps(value))
