"""Executor of the Pusher: it connects artifacts with the work in `destination.py`."""

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

from components.fewshot import integrity
from components.fewshot.settings.metrics import METRICS
from components.pusher.destination import push_version

FIGURES = (  # of each kind of task, where an evaluation has them
    *(metric.key for metric in METRICS.values()),
    "ci95",
    "over_classes",
    "log_loss",
    "mean_ap",
    "ap75",
    "threshold",
    "precision",
    "recall",
    "false_positives",
    "ece",
)
HEADLINE = (
    *FIGURES,
    "worst_domain",
    "inductive",
    "batch_norm",
    "independence",
    "blessed",
)
JUDGED_ON = ("episodes", "way", "shot", "query", "seed", "episodes_hash")
COMPARED = ("baselines", "candidates", "production", "best", "arrivals", "warm_start", "served")
ALSO = ("name", *FIGURES, "episodes")
BLESSING = (
    constants.ARTIFACT_PROPERTY_BLESSED_KEY,
    constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
)


class Executor(tfx_pusher.Executor):
    """Pushes a blessed model as a new version; a model without blessing is not pushed."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed.

        Raises:
          ValueError: the blessing is of another model, or the destination cannot be written.
          Damaged: an input, or the version that an earlier run pushed, has other bytes than were written.
        """
        integrity.verify(*integrity.places(input_dict))
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            integrity.seal(pushed.uri)
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
        path = push_version(
            source=self.GetModelPath(input_dict),
            destination=exec_properties["destination"],
            keep=exec_properties["keep"],
            identity={"blessing": content_of(blessing)},
            metrics=read_metrics(input_dict.get("evaluation")),
            lineage={key: {"id": a[0].id, "uri": a[0].uri} for key, a in sorted(input_dict.items()) if a}
            | {key: exec_properties[key] for key in ("run", "recipe")},
        )
        if path is None:
            logging.warning(
                "%s was rolled back before and is not pushed again; `fewshot rollback --to` restores it", model.uri
            )
            self._MarkNotPushed(pushed)
            integrity.seal(pushed.uri)
            return
        io_utils.copy_dir(path, pushed.uri)  # as TFX does: old versions are removed, the artifact stays
        self._MarkPushed(pushed, pushed_destination=path, pushed_version=os.path.basename(path))

    def CheckBlessing(self, input_dict: dict[str, list[types.Artifact]]) -> bool:
        """Returns whether the model is blessed.

        Unlike in TFX, a model without a blessing artifact is not blessed, and the blessing of another model is an error.
        """
        if not input_dict.get("model_blessing"):
            return False
        blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessed = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY)
        if blessed and blessed != model.uri:
            raise ValueError(f"expected a blessing of the model {model.uri}, got one of {blessed} ({blessing.uri})")
        return bool(super().CheckBlessing(input_dict))


def content_of(blessing: types.Artifact) -> dict[str, object]:
    """Returns what a blessing says, without the time and place at which it and the model were written."""
    return {key: blessing.get_custom_property(key) for key in BLESSING if blessing.has_custom_property(key)}


def read_metrics(evaluation: list[types.Artifact] | None) -> dict[str, object] | None:
    """Returns the part of an evaluation that goes into the manifest: the figures with their intervals, not all details.

    Raises:
      FileNotFoundError: the evaluation holds no metrics.json.
    """
    if not evaluation:
        return None
    path = os.path.join(evaluation[0].uri, "metrics.json")
    if not fileio.exists(path):
        raise FileNotFoundError(f"no evaluation at {evaluation[0].uri}: expected a file metrics.json")
    with fileio.open(path) as file:
        metrics = json.load(file)
    told = {key: metrics[key] for key in (*HEADLINE, *JUDGED_ON, *COMPARED) if key in metrics}
    return told | {"also": [{key: one[key] for key in ALSO if key in one} for one in metrics.get("also", [])]}
