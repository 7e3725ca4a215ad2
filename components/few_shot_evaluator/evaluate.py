"""The work of the evaluator after the Beam pipeline: it turns the results of all models into metrics."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from components.few_shot_evaluator.gate import reasons_against
from components.few_shot_evaluator.metrics_json import Compared, OnArrivals, Rival, Verdict
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.evaluation.kinds import EVALUATIONS
from components.fewshot.evaluation.metrics import paired_difference
from components.fewshot.evaluation.results import Result
from components.fewshot.evaluation.summary import Independence
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Incomplete, lacking
from components.fewshot.serving.client import Client
from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.kinds import CLASSIFICATION

MODEL, PRODUCTION, BEST = "model", "production", "best"
CANDIDATE = "candidate-"  # what the name of a candidate that was not chosen begins with
CHECKED_EPISODES = 5


def comparable(manifest: Manifest, spec: EpisodeSpec) -> str | None:
    """Returns the reason why a model cannot be evaluated on episodes of `spec`, or None if it can."""
    if manifest.fixed_way is None or spec.way_range == (manifest.fixed_way, manifest.fixed_way):
        return None
    return f"it has a fixed head of {manifest.fixed_way} classes, and these episodes are {spec.title}"


def read_results(lines: Iterable[str], kind: str = CLASSIFICATION) -> dict[str, list[Result]]:
    """Reads lines of `model<TAB>JSON`; returns the results of each model, sorted by episode number."""
    found: dict[str, list[Result]] = defaultdict(list)
    for line in lines:
        name, _, result = line.partition("\t")
        found[name].append(EVALUATIONS[kind].read(result))
    return {name: sorted(results, key=lambda r: r.index) for name, results in sorted(found.items())}


def check_complete(results: Mapping[str, Sequence[Result]], models: Iterable[str], count: int) -> None:
    """Raises Incomplete unless each of the models has one result for each of the episodes 0 to `count` - 1."""
    for name in models:
        if miss := lacking([result.index for result in results.get(name, ())], count):
            raise Incomplete(f"results of the model {name!r}: {miss}")


def verdict(
    results: dict[str, list[Result]],
    gate: GateSettings,
    independence: Independence,
    incomparable: Mapping[str, str],
    warm_start: str | None = None,
    arrivals: Mapping[str, OnArrivals] | None = None,
    kind: str = CLASSIFICATION,
) -> Verdict:
    """Returns the metrics of the candidate and of its rivals, and the decision of the gate.

    Args:
      results: the results of `model`, of the baselines by their names, of the candidates that were not chosen, and of
        `production` and `best` if there are any.
      gate: what the candidate must reach.
      independence: the result of the independence check.
      incomparable: the reason why `production` or `best` could not be evaluated, by its name.
      warm_start: where the candidate's training started, if it did not start cold.
      arrivals: the candidate and the model in production on what came since that one, and on what was there before.
      kind: of task.
    """
    ours = results[MODEL]
    rivals = {name: _rival(ours, theirs, kind) for name, theirs in results.items() if name != MODEL}
    earlier = {
        name: rivals.pop(name, None) or (Rival(not_comparable=incomparable[name]) if name in incomparable else None)
        for name in (PRODUCTION, BEST)
    }
    others = {name.removeprefix(CANDIDATE): rivals.pop(name) for name in [*rivals] if name.startswith(CANDIDATE)}
    compared = {
        "baselines": rivals,
        "candidates": others,
        **earlier,
        "arrivals": arrivals or {},
        "warm_start": warm_start,
        "independence": independence,
    }
    metrics = cast(Compared, {**EVALUATIONS[kind].summarise(ours), **compared})
    reasons = reasons_against(metrics, gate)
    return {**metrics, "blessed": not reasons, "reasons": reasons, "gate": gate.model_dump()}


def _rival(ours: Sequence[Result], theirs: Sequence[Result], kind: str) -> Rival:
    figures = EVALUATIONS[kind].summarise(theirs)
    told = {key: figures[key] for key in EVALUATIONS[kind].told}
    return cast(Rival, {**told, "difference": paired_difference(ours, theirs)})


def independence_of(model: Client, store: ImageStore, episodes: Sequence[Episode]) -> Independence:
    """Returns the result of the independence check on the first few episodes."""
    check = EVALUATIONS[model.manifest.kind].check_independence
    return check(model, store, episodes[:CHECKED_EPISODES])


def choose_episodes(results: Sequence[Result]) -> list[int]:
    """Returns the numbers of the episodes that the report shows: those of the worst, the median and the best figure."""
    ranked = sorted(results, key=lambda result: (result.figure, result.index))
    return list(dict.fromkeys(ranked[place].index for place in (0, len(ranked) // 2, len(ranked) - 1)))
