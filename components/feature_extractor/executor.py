"""Executor of the FeatureExtractor: it connects artifacts with the work in `build.py`."""

import os
from typing import Any

import numpy as np
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.feature_extractor.build import (
    GIGABYTE,
    WriteFeatures,
    extractor,
    forget,
    form_of,
    rows_within,
)
from components.feature_extractor.settings import FeatureSettings
from components.fewshot import integrity
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Incomplete

SPLITS = ("train", "val")  # the evaluator calls the served model, which has its trunk


class Executor(base_beam_executor.BaseBeamExecutor):
    """Turns stores of pixels into stores of features."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `features` artifact. Validation has all its images, in one view; training as many as
        the budget leaves and the settings ask for.

        Raises:
          ValueError: the base model cannot be built, or the budget is too small.
          Damaged: an input has other bytes than were written.
          Incomplete: fewer images were written than there are.
        """
        integrity.verify(*integrity.places(input_dict))
        settings = FeatureSettings.model_validate_json(exec_properties["settings"])
        episodes = artifact_utils.get_single_instance(input_dict["episodes"])
        features = artifact_utils.get_single_instance(output_dict["features"])
        features.split_names = artifact_utils.encode_split_names(list(SPLITS))
        sources, places = (
            {split: os.path.join(artifact_utils.get_split_uri([one], split), "store") for split in SPLITS}
            for one in (episodes, features)
        )
        stores = {split: ImageStore.open(source) for split, source in sources.items()}
        trunk = extractor(settings).trunk
        views = {"train": settings.base_model.views, "val": 1}
        rows = {"val": np.arange(len(stores["val"].source_ids))}
        left = settings.base_model.budget * GIGABYTE - len(rows["val"]) * form_of(trunk, 1).bytes
        each = form_of(trunk, views["train"]).bytes
        rows["train"] = rows_within(stores["train"], each, left, settings.base_model.images_per_class)
        with self._make_beam_pipeline() as pipeline:
            for split in SPLITS:
                write = WriteFeatures(sources[split], rows[split], places[split], settings, views[split])
                _ = pipeline | f"Features[{split}]" >> write
        for split in SPLITS:
            found = len(ImageStore.open(places[split]).source_ids)
            if found != len(rows[split]):
                raise Incomplete(f"the features of split {split!r} are of {found:,} of {len(rows[split]):,} images")
        features.set_string_custom_property("trunk", trunk.digest())
        forget()
        integrity.seal(*integrity.places(output_dict))
