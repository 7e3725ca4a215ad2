"""Which features the trainings of a run read: one node for each frozen trunk, however many trainings share it."""

from collections.abc import Iterable
from typing import NamedTuple

from components.feature_extractor.settings import FeatureSettings
from components.meta_trainer.settings import TrainerSettings


class Extraction(NamedTuple):
    """Whose features are computed, and the id of the node that does it: `Features-none`, `Features-last-16`."""

    node_id: str
    features: FeatureSettings


def features_of(trainer: TrainerSettings) -> FeatureSettings | None:
    """Returns whose features a training reads; None if all of its base model is trained."""
    if trainer.base_model.trainable == "all":
        return None
    return FeatureSettings(base_model=trainer.base_model, image=trainer.image, seed=trainer.seed)


def extractions(trainers: Iterable[TrainerSettings]) -> list[Extraction]:
    """Returns the features of all trainings, each once. Where the name of a node is taken by other ones, it is numbered."""
    every = {features.model_dump_json(): features for one in trainers if (features := features_of(one))}
    found: dict[str, Extraction] = {}
    for features in every.values():
        stem = name = f"Features-{features.base_model.trainable.replace(' ', '-')}"
        number = 1
        while name in found:
            number += 1
            name = f"{stem}-{number}"
        found[name] = Extraction(name, features)
    return list(found.values())
