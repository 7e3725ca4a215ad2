"""Executor of the ModelChooser: it connects artifacts with the choice in `choose.py`."""

import json
import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.fewshot import integrity
from components.fewshot.serving.manifest import Manifest
from components.fewshot.training.history import CHOICE, TIMING
from components.model_chooser.choose import Candidate, choose


class Executor(base_executor.BaseExecutor):
    """Copies the chosen model and the record of its training."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `model` and `model_run`.

        Raises:
          Damaged: an input has other bytes than were written.
        """
        integrity.verify(*integrity.places(input_dict))
        models, runs = (by_title(input_dict[key]) for key in ("models", "model_runs"))
        names = json.loads(exec_properties["names"])
        choice = choose([candidate(name, models[name], runs[name]) for name in names])
        for source, key in ((models, "model"), (runs, "model_run")):
            made = artifact_utils.get_single_instance(output_dict[key])
            copy(source[choice["chosen"]].uri, made.uri)
        record = artifact_utils.get_single_uri(output_dict["model_run"])
        with fileio.open(os.path.join(record, CHOICE), "w") as file:
            file.write(json.dumps(choice, indent=2))
        integrity.seal(*integrity.places(output_dict))


def by_title(artifacts: list[types.Artifact]) -> dict[str, types.Artifact]:
    """Returns artifacts by the names that their trainers gave them."""
    return {artifact.get_string_custom_property("title"): artifact for artifact in artifacts}


def candidate(name: str, model: types.Artifact, run: types.Artifact) -> Candidate:
    """Returns what choice.json says of a candidate."""
    manifest = Manifest.read(path_utils.serving_model_path(model.uri))
    with fileio.open(os.path.join(run.uri, TIMING)) as file:
        seconds = json.load(file)["seconds"]
    return {
        "name": name,
        "learner": manifest.learner,
        "base_model": manifest.base_model,
        "trainable": manifest.trainable,
        "steps": manifest.steps,
        "validation": manifest.validation or None,  # type: ignore[typeddict-item]
        "seconds": seconds,
    }


def copy(source: str, target: str) -> None:
    """Copies the files of an artifact, without the list of its files, which is made anew."""
    io_utils.copy_dir(source, target)
    listed = os.path.join(target, integrity.LIST)
    if fileio.exists(listed):
        fileio.remove(listed)
