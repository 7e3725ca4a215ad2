"""Which models a candidate is compared with: the baselines of its run, and earlier models of the push destination."""

from collections.abc import Sequence
from typing import NamedTuple

from components.few_shot_evaluator.evaluate import BEST, PRODUCTION, comparable
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.production import SAME_EPISODES, best_on_same_test
from components.fewshot.serving.seen import Seen


class Earlier(NamedTuple):
    """Earlier models.

    Attributes:
      models: the directories of `production` and `best`, if there are any.
      unfit: why one of them cannot be compared, by its name.
    """

    models: dict[str, str]
    unfit: dict[str, str]


def earlier_models(served: Sequence[str], candidate: Manifest, spec: EpisodeSpec, classes: Sequence[str]) -> Earlier:
    """Returns the model in production and the best one so far, if they are other models than the candidate.

    Args:
      served: the directories of the versions in the push destination, oldest first.
      candidate: the manifest of the candidate.
      spec: of the test episodes.
      classes: names of the test classes. A model that has seen one of them is not compared.
    """
    judged = candidate.model_copy(update={"metrics": spec.model_dump(mode="json", include=set(SAME_EPISODES))})
    found = {PRODUCTION: served[-1] if served else None, BEST: best_on_same_test(served, judged)}
    if found[BEST] == found[PRODUCTION]:
        found[BEST] = None
    models: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for name, path in found.items():
        if path is None:
            continue
        reason = _unfit(path, candidate, spec, classes)
        if reason:
            unfit[name] = reason
        else:
            models[name] = path
    return Earlier(models, unfit)


def _unfit(path: str, candidate: Manifest, spec: EpisodeSpec, classes: Sequence[str]) -> str | None:
    try:
        manifest = Manifest.read(path)
    except (FileNotFoundError, ValueError) as error:
        return f"it was pushed by another tool or version: {error}"
    own = candidate.lineage.get("model_fingerprint")
    if own is not None and manifest.lineage.get("model_fingerprint") == own:
        return "it is this very model"
    if manifest.kind != candidate.kind:
        return f"it is a model of {manifest.kind}, and this one is of {candidate.kind}"
    return comparable(manifest, spec) or Seen.read(path).among(classes)
