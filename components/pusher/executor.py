"""Plumbing of the Pusher."""

import json
import os
from typing import Any

from absl import logging
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.pusher import executor as tfx_pusher
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.pusher.destination import push_version

HEADLINE = ("accuracy", "ci95", "log_loss", "ece", "worst_domain", "inductive", "batch_norm", "independence", "blessed")
JUDGED_ON = ("episodes", "way", "shot", "query", "seed", "episodes_hash")
COMPARED = ("baselines", "previous")
ALSO = ("name", "accuracy", "ci95", "log_loss", "ece", "episodes")
BLESSING = (
    constants.ARTIFACT_PROPERTY_BLESSED_KEY,
    constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
    constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
)


class Executor(tfx_pusher.Executor):
    """A blessed model to a new version; anything else stays where it is."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes the model if it is blessed.

        Raises:
          ValueError: the blessing is of another model, or the destination cannot be written.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
        path = push_version(
            source=self.GetModelPath(input_dict),
            destination=exec_properties["destination"],
            keep=exec_properties["keep"],
            identity={"model": model.uri, "blessing": content_of(blessing)},
            metrics=read_metrics(input_dict.get("evaluation")),
            lineage={key: {"id": a[0].id, "uri": a[0].uri} for key, a in sorted(input_dict.items()) if a},
        )
        if path is None:
            logging.warning("%s was rolled back and stays so; `fewshot rollback --to` brings it back", model.uri)
            self._MarkNotPushed(pushed)
            return
        io_utils.copy_dir(path, pushed.uri)  # for the archive, as TFX does: versions are pruned, artifacts are not
        self._MarkPushed(pushed, pushed_destination=path, pushed_version=os.path.basename(path))

    def CheckBlessing(self, input_dict: dict[str, list[types.Artifact]]) -> bool:
        """Whether the model is blessed: TFX's check, but no blessing at all is none, and another model's an error."""
        if not input_dict.get("model_blessing"):
            return False
        blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessed = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY)
        if blessed and blessed != model.uri:
            raise ValueError(f"expected a blessing of the model {model.uri}, got one of {blessed} ({blessing.uri})")
        return bool(super().CheckBlessing(input_dict))


def content_of(blessing: types.Artifact) -> dict[str, Any]:
    """What a blessing says, whenever and wherever it was written."""
    return {key: blessing.get_custom_property(key) for key in BLESSING if blessing.has_custom_property(key)}


def read_metrics(evaluation: list[types.Artifact] | None) -> dict[str, Any] | None:
    """What the manifest tells of an evaluation: the figures with their intervals, not every episode's.

    Raises:
      FileNotFoundError: the evaluation holds no metrics.json.
    """
    if not evaluation:
        return None
    path = os.path.join(evaluation[0].uri, "metrics.json")
    if not fileio.exists(path):
        raise FileNotFoundError(f"no evaluation at {evaluation[0].uri}: expected metrics.json")
    with fileio.open(path) as file:
        metrics = json.load(file)
    told = {key: metrics[key] for key in (*HEADLINE, *JUDGED_ON, *COMPARED) if key in metrics}
    return told | {"also": [{key: one[key] for key in ALSO if key in one} for one in metrics.get("also", [])]}
