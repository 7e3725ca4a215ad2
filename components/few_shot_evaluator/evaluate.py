"""The work of the evaluator after the Beam pipeline: results of all models to one verdict and the report's contents."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from components.few_shot_evaluator.gate import GateSettings, reasons_against
from components.few_shot_evaluator.report_inputs import DrawnEpisode, DrawnImage
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.evaluation.checks import check_independence
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import EpisodeResult, from_json, paired_difference, summarise
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel

MODEL, PREVIOUS = "model", "previous"
SHOWN = ("accuracy", "ci95", "log_loss", "ece", "episodes")
CHECKED_EPISODES = 5
MOST_DRAWN = 40  # query images shown of an episode


def comparable(manifest: Manifest, spec: EpisodeSpec) -> str | None:
    """Why a model cannot be judged on episodes of `spec`, as a sentence; None if it can."""
    if manifest.fixed_way is None or spec.way_range == (manifest.fixed_way, manifest.fixed_way):
        return None
    return f"it has a fixed head of {manifest.fixed_way} classes, and these episodes are {spec.title}"


def read_results(lines: Iterable[str]) -> dict[str, list[EpisodeResult]]:
    """Results of each model, by episode number, from lines of `model<TAB>JSON`."""
    found: dict[str, list[EpisodeResult]] = defaultdict(list)
    for line in lines:
        name, _, result = line.partition("\t")
        found[name].append(from_json(result))
    return {name: sorted(results, key=lambda r: r.index) for name, results in sorted(found.items())}


def verdict(
    results: dict[str, list[EpisodeResult]],
    gate: GateSettings,
    independence: dict[str, Any],
    incomparable: str | None = None,
) -> dict[str, Any]:
    """The headline, baselines, previous model, and whether it is blessed and why not.

    Args:
      results: of `model`, perhaps of `previous`, and of baselines by name.
      incomparable: why the previous model could not be judged, where it could not.
    """
    ours = results[MODEL]
    compared = {
        name: {key: summarise(theirs)[key] for key in SHOWN} | {"difference": paired_difference(ours, theirs)}
        for name, theirs in results.items()
        if name != MODEL
    }
    previous = compared.pop(PREVIOUS, None) or ({"not_comparable": incomparable} if incomparable else None)
    metrics = summarise(ours) | {"baselines": compared, "previous": previous, "independence": independence}
    reasons = reasons_against(metrics, gate)
    return metrics | {"blessed": not reasons, "reasons": reasons, "gate": gate.model_dump()}


def independence_of(model: ServedModel, store: ImageStore, episodes: Sequence[Episode]) -> dict[str, Any]:
    """The independence check on the first few episodes."""
    return check_independence(model, [encode_episode(store, episode) for episode in episodes[:CHECKED_EPISODES]])


def choose_episodes(results: Sequence[EpisodeResult]) -> list[int]:
    """Numbers of the episodes worth seeing: the worst, a middling one, the best."""
    ranked = sorted(results, key=lambda result: (result.accuracy, result.index))
    return list(dict.fromkeys(ranked[place].index for place in (0, len(ranked) // 2, len(ranked) - 1)))


def draw_episode(model: ServedModel, store: ImageStore, episode: Episode) -> DrawnEpisode:
    """An episode in pictures, with what the model made of it."""
    encoded = encode_episode(store, episode)
    result, probabilities = judge(model, encoded)
    count = len(store.index.names)
    names = [store.index.names[c % count] + _turned(c // count) for c in episode.class_ids]
    support = [DrawnImage(i, names[at]) for i, at in zip(encoded.support, episode.support.labels, strict=True)]
    places = _spread(episode.query.labels, MOST_DRAWN)
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


def _turned(turn: int) -> str:
    return f" turned {90 * turn}°" if turn else ""


def _spread(labels: np.ndarray, most: int) -> list[int]:
    """At most `most` places, as many of each class."""
    each = max(1, most // len(np.unique(labels)))
    return sorted(int(i) for label in np.unique(labels) for i in np.flatnonzero(labels == label)[:each])
