"""Executor of the DriftDetector: it connects artifacts with the work in `components/fewshot/drift`."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.drift_detector.settings import DriftSettings
from components.fewshot import integrity
from components.fewshot.drift.decide import Decision, Drift, Figures, decide
from components.fewshot.drift.figures import figures
from components.fewshot.images.store import ImageStore
from components.fewshot.pages import environment
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.seen import Seen
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.versions import SERVED_AGAIN, served_versions
from data.spans import came_in

DRIFT, PAGE = "drift.json", "drift.html"
SPLITS = ("train", "val", "test")


class Executor(base_executor.BaseExecutor):
    """Writes the figures, a page of them, and the decision."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `drift` artifact, with the properties `decision`, `because` and `goes_on` (1 or 0).

        Raises:
          Damaged: an input or the model in production has other bytes than were written.
        """
        integrity.verify(*integrity.places(input_dict))
        settings = DriftSettings.model_validate_json(exec_properties["settings"])
        episodes = artifact_utils.get_single_instance(input_dict["episodes"])
        served = served_versions(exec_properties["destination"], exec_properties["served"])
        drift = drift_since(served, episodes, settings, exec_properties["recipe"])
        made = artifact_utils.get_single_instance(output_dict["drift"])
        io_utils.write_string_file(os.path.join(made.uri, DRIFT), json.dumps(drift, indent=2, ensure_ascii=False))
        io_utils.write_string_file(os.path.join(made.uri, PAGE), page_of(drift))
        for key in ("decision", "because"):
            made.set_string_custom_property(key, drift[key])
        made.set_int_custom_property("goes_on", int(drift["goes_on"]))
        integrity.seal(*integrity.places(output_dict))


def drift_since(served: Sequence[str], episodes: types.Artifact, settings: DriftSettings, recipe: str) -> Drift:
    """Returns the figures and the decision about what came since the last of the `served` versions."""
    spans = json.loads(episodes.get_string_custom_property("spans") or "[]")
    found: Figures | None = None
    known: list[str] = []
    decision: Decision = "retrain"
    if (because := why_anew(served, recipe)) is None:
        known = list(Manifest.read(served[-1]).data["spans"])  # type: ignore[call-overload]
        found = figures_of(served[-1], episodes, came_in(set(spans) - set(known)))
        decision, because = decide(found, settings.alpha, settings.growth)
    return {
        "decision": decision,
        "because": because,
        "goes_on": decision == "retrain" or settings.retrain == "always",
        "production": os.path.basename(served[-1]) if served else None,
        "spans": sorted(set(spans) - set(known)),
        "known_spans": len(known),
        "figures": found,
    }


def figures_of(production: str, episodes: types.Artifact, came: Callable[[str], bool]) -> Figures:
    """Returns the figures about the images that came, by their source ids, since the model in `production`."""
    integrity.verify(production, mend=SERVED_AGAIN)
    seen = Seen.read(production)
    uris = {split: artifact_utils.get_split_uri([episodes], split) for split in SPLITS}
    stores = {split: ImageStore.open(os.path.join(uri, "store")) for split, uri in uris.items()}
    seed = episodes.get_int_custom_property("seed")
    return figures(stores, ServedModel(production), seen.train | seen.val, came, seed)


def why_anew(served: Sequence[str], recipe: str) -> str | None:
    """Returns why a model is made whatever the images are, or None."""
    if not served:
        return "nothing is served yet"
    try:
        manifest = Manifest.read(served[-1])
    except (FileNotFoundError, ValueError) as error:
        return f"the model in production was pushed by another tool or version: {error}"
    if not manifest.data.get("spans"):
        return "the model in production does not say which spans it knows"
    if manifest.lineage.get("recipe") != recipe:
        return "the settings are others than those of the model in production"
    return None


def page_of(drift: Drift) -> str:
    """Returns the figures as HTML that loads no other file."""
    return environment("components.drift_detector").get_template("page.html.j2").render(drift=drift)
