"""Plumbing of the Pusher."""

import json
import os
from typing import Any

from tfx import types
from tfx.components.pusher import executor as tfx_pusher
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.fewshot.manifest import Manifest
from components.pusher.destination import push_version

HEADLINE = ("accuracy", "ci95", "log_loss", "ece", "episodes", "way", "shot", "query", "seed", "inductive", "batch_norm")
COMPARED = ("baselines", "previous", "independence", "worst_domain", "episodes_hash")


class Executor(tfx_pusher.Executor):
    """A blessed model to a new version; anything else stays where it is."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes the model if it is blessed."""
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        metrics = read_metrics(input_dict.get("evaluation"))
        ids = {key: {"id": a[0].id, "uri": a[0].uri} for key, a in sorted(input_dict.items()) if a}

        def complete(manifest: Manifest, version: int) -> Manifest:
            return manifest.model_copy(update={"metrics": metrics, "lineage": manifest.lineage | ids})

        path = push_version(
            self.GetModelPath(input_dict),
            exec_properties["destination"],
            complete,
            exec_properties["keep"],
            same=model.uri,
        )
        self._MarkPushed(pushed, pushed_destination=path, pushed_version=os.path.basename(path))


def read_metrics(evaluation: list[types.Artifact] | None) -> dict[str, Any]:
    """What the manifest tells of an evaluation."""
    if not evaluation:
        return {}
    with fileio.open(os.path.join(evaluation[0].uri, "metrics.json")) as file:
        metrics = json.load(file)
    also = [{key: one[key] for key in ("name", "accuracy", "ci95", "episodes")} for one in metrics.get("also", [])]
    return {key: metrics[key] for key in (*HEADLINE, *COMPARED) if key in metrics} | {"also": also}
