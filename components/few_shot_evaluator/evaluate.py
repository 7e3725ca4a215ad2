"""The work of the evaluator after the Beam pipeline: it turns the results of all models into metrics and drawn episodes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np

from components.few_shot_evaluator.gate import reasons_against
from components.few_shot_evaluator.metrics_json import Compared, OnArrivals, Rival, Verdict
from components.few_shot_evaluator.report_inputs import DrawnEpisode, DrawnImage
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.episodes.episode import Draw, Episode, EpisodeSpec, few_of_each
from components.fewshot.evaluation.checks import check_independence
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import paired_difference, summarise
from components.fewshot.evaluation.results import EpisodeResult, from_json
from components.fewshot.evaluation.summary import ConfusedPair, Independence
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Incomplete, lacking
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel

MODEL, PRODUCTION, BEST = "model", "production", "best"
CANDIDATE = "candidate-"  # what the name of a candidate that was not chosen begins with
SHOWN = ("accuracy", "ci95", "over_classes", "log_loss", "ece", "episodes")
CHECKED_EPISODES = 5
MOST_DRAWN = 40  # query images that the report shows of an episode


def comparable(manifest: Manifest, spec: EpisodeSpec) -> str | None:
    """Returns the reason why a model cannot be evaluated on episodes of `spec`, or None if it can."""
    if manifest.fixed_way is None or spec.way_range == (manifest.fixed_way, manifest.fixed_way):
        return None
    return f"it has a fixed head of {manifest.fixed_way} classes, and these episodes are {spec.title}"


def read_results(lines: Iterable[str]) -> dict[str, list[EpisodeResult]]:
    """Reads lines of `model<TAB>JSON`; returns the results of each model, sorted by episode number."""
    found: dict[str, list[EpisodeResult]] = defaultdict(list)
    for line in lines:
        name, _, result = line.partition("\t")
        found[name].append(from_json(result))
    return {name: sorted(results, key=lambda r: r.index) for name, results in sorted(found.items())}


def check_complete(results: Mapping[str, Sequence[EpisodeResult]], models: Iterable[str], count: int) -> None:
    """Raises Incomplete unless each of the models has one result for each of the episodes 0 to `count` - 1."""
    for name in models:
        if miss := lacking([result.index for result in results.get(name, ())], count):
            raise Incomplete(f"results of the model {name!r}: {miss}")


def verdict(
    results: dict[str, list[EpisodeResult]],
    gate: GateSettings,
    independence: Independence,
    incomparable: Mapping[str, str],
    warm_start: str | None = None,
    arrivals: Mapping[str, OnArrivals] | None = None,
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
    """
    ours = results[MODEL]
    rivals = {name: _rival(ours, theirs) for name, theirs in results.items() if name != MODEL}
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
    metrics = cast(Compared, {**summarise(ours), **compared})
    reasons = reasons_against(metrics, gate)
    return {**metrics, "blessed": not reasons, "reasons": reasons, "gate": gate.model_dump()}


def _rival(ours: Sequence[EpisodeResult], theirs: Sequence[EpisodeResult]) -> Rival:
    figures: Mapping[str, object] = summarise(theirs)
    shown = {key: figures[key] for key in SHOWN}
    return cast(Rival, {**shown, "difference": paired_difference(ours, theirs)})


def independence_of(model: ServedModel, store: ImageStore, episodes: Sequence[Episode]) -> Independence:
    """Returns the result of the independence check on the first few episodes."""
    return check_independence(model, store, episodes[:CHECKED_EPISODES])


def choose_episodes(results: Sequence[EpisodeResult]) -> list[int]:
    """Returns the numbers of the episodes that the report shows: those of the worst, the median and the best accuracy."""
    ranked = sorted(results, key=lambda result: (result.accuracy, result.index))
    return list(dict.fromkeys(ranked[place].index for place in (0, len(ranked) // 2, len(ranked) - 1)))


def draw_episode(model: ServedModel, store: ImageStore, episode: Episode) -> DrawnEpisode:
    """Returns the images of an episode with the predictions of the model, for the report."""
    encoded = encode_episode(store, episode)
    result, probabilities = judge(model, encoded)
    count = len(store.index.names)
    names = [store.index.names[c % count] + _turned(c // count) for c in episode.class_ids]
    support = [DrawnImage(i, names[at]) for i, at in zip(encoded.support, episode.support.labels, strict=True)]
    places = few_of_each(episode.query.labels, MOST_DRAWN)
    query = [
        DrawnImage(
            encoded.query[i],
            names[episode.query.labels[i]] if episode.query.labels[i] >= 0 else "none of these",
            names[int(probabilities[i].argmax())],
            float(probabilities[i].max()),
        )
        for i in places
    ]
    return DrawnEpisode(episode.index, result.accuracy, names, support, query)


def pictures_of(store: ImageStore, pairs: Iterable[ConfusedPair]) -> dict[str, bytes]:
    """Returns the first encoded image of each class of these pairs, by the name of the class."""
    names = sorted({name for pair in pairs for name in pair["classes"]})
    rows = store.index.starts[[store.index.names.index(name) for name in names]] if names else np.zeros(0, np.int64)
    still = np.zeros(len(names), np.int32)
    return dict(zip(names, store.encoded(Draw(rows, still, still)), strict=True))


def _turned(turn: int) -> str:
    return f" turned {90 * turn}°" if turn else ""
