"""Episodes that tell what a candidate does on what the model in production was pushed by, and on the classes that came since.

The episodes of that push are not kept. They are drawn again, from the images that came in the spans of then, and their hash says
whether they are the same.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.few_shot_evaluator.evaluate import comparable
from components.few_shot_evaluator.metrics_json import BEFORE, NEW
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.fitting import fitted_within
from components.fewshot.episodes.frozen import episodes_hash
from components.fewshot.episodes.subset import Subset, subset_of
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.manifest import Manifest
from components.fewshot.words import counted
from data.spans import came_in

GONE = "images of its test episodes are no longer read, or no longer take part"


class Arrivals(NamedTuple):
    """Episodes of what was there before and of new classes.

    Attributes:
      sets: the episodes by BEFORE and NEW.
      specs: of the episodes of each set.
      why_not: the reason why there are none, by the same names; nothing where no new image is among those of the test.
    """

    sets: dict[str, list[Episode]]
    specs: dict[str, EpisodeSpec]
    why_not: dict[str, str]


NOTHING = Arrivals({}, {}, {})


def arrivals(
    models: Sequence[Manifest], store: ImageStore, spec: EpisodeSpec, seed: int, spans: Sequence[str]
) -> Arrivals:
    """Draws the episodes.

    Args:
      models: those that are to be judged on them: the candidate, and the model in production last.
      store: the test images.
      spec: of the test episodes of this run.
      seed: of these.
      spans: labels of the spans that this run read.
    """
    data: dict[str, Any] = models[-1].data
    come = came_in(set(spans) - set(data.get("spans") or ()))
    kept = np.array([not come(source_id) for source_id in store.source_ids], bool)
    if not data.get("spans") or kept.all():
        return NOTHING
    known = subset_of(store.index, kept)
    found = Arrivals({}, {}, {})
    _add(
        found, BEFORE, models, EpisodeSpec.model_validate(data["spec_test"]), known, data["seed"], data["test_episodes"]
    )
    if BEFORE in found.sets and episodes_hash(found.sets[BEFORE], store.index, store.source_ids) != data["hash_test"]:
        del found.sets[BEFORE]
        found.why_not[BEFORE] = GONE
    new = subset_of(
        store.index, ~np.isin(np.repeat(np.arange(len(store.index.names)), store.index.counts), known.classes)
    )
    if len(new.classes) < 2:
        found.why_not[NEW] = (
            f"{counted(len(new.classes), 'test class', 'test classes')} came since, and an episode needs 2"
        )
        return found
    _add(found, NEW, models, fitted_within(spec, new.alone), new, seed, data["test_episodes"])
    return found


def _add(
    found: Arrivals, name: str, models: Sequence[Manifest], spec: EpisodeSpec, subset: Subset, seed: int, count: int
) -> None:
    unfit = next((reason for model in models if (reason := comparable(model, spec))), None)
    try:
        if unfit is None:
            found.sets[name], found.specs[name] = subset.episodes(spec, seed, count), spec
            return
    except ValueError as error:
        unfit = str(error)
    found.why_not[name] = unfit
