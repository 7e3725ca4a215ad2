"""The sides of what a notebook trains on: most classes train, some are held out to choose the weights by."""

import hashlib
from typing import NamedTuple, TypeAlias

from components.fewshot.images.object_arrays import ObjectArrays
from components.fewshot.images.store import ArrayStore

InMemory: TypeAlias = ArrayStore | ObjectArrays
"""A store over arrays."""


class Sides(NamedTuple):
    """What is trained on, and what is held out; None if nothing is."""

    train: InMemory
    validation: InMemory | None


def hold_out(classes: list[str], share: float) -> list[str]:
    """A `share` of the class names, chosen by hash, so that their order does not matter."""
    if not 0 <= share < 1:
        raise ValueError(f"validation_split: expected a share of the classes in 0..1, got {share}")
    by_hash = sorted(classes, key=lambda name: hashlib.sha256(name.encode()).digest())
    return by_hash[: round(share * len(classes))]
