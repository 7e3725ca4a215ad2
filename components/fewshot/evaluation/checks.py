"""What is checked beside accuracy: independence of batch-mates, dependence on the naming of classes, latency."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from components.fewshot.evaluation.judging import EncodedEpisode
from components.fewshot.serving.served import ServedModel

TOLERANCE = 1e-4  # of a probability: kernels sum in another order for another batch size
LATENCY_EPISODES = 10
ALONE = 5  # queries of an episode that are asked alone


def largest_dependence(model: ServedModel, encoded: EncodedEpisode) -> float:
    """How much, at most, a query's probabilities change with its batch-mates: a few alone, in halves, in reverse.

    Zero but for rounding in an inductive model; nan if any probability is.
    """
    labels, count = encoded.episode.support.labels, len(encoded.query)
    together = model.episode(encoded.support, labels, encoded.query)
    alone = range(0, count, max(1, count // ALONE))
    places = [*(slice(i, i + 1) for i in alone), slice(0, count // 2), slice(count // 2, count), slice(None, None, -1)]
    changes = [
        np.abs(model.episode(encoded.support, labels, encoded.query[place]) - together[place]).max()
        for place in places
        if encoded.query[place]
    ]
    return float(np.max(changes))  # which passes nan on, as max() does not


def check_independence(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> dict[str, Any]:
    """The independence check over a few episodes: `checked`, `max_difference`, `tolerance`, `holds`."""
    largest = float(np.max([largest_dependence(model, one) for one in encoded], initial=0.0))
    return {"checked": len(encoded), "max_difference": largest, "tolerance": TOLERANCE, "holds": largest <= TOLERANCE}


def label_spread(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> dict[str, Any]:
    """How much accuracy depends on which class a fixed head calls which: its standard deviation over cyclic renamings.

    Returns:
      `episodes`, `namings` of each, and `std`, the mean over episodes.
    """
    spreads = []
    for one in encoded:
        way, episode = one.episode.way, one.episode
        accuracies = []
        for shift in range(way):
            support, query = (
                np.where(labels < 0, labels, (labels + shift) % way)
                for labels in (episode.support.labels, episode.query.labels)
            )
            predicted = model.episode(one.support, support, one.query).argmax(1)
            accuracies.append((predicted == query)[query >= 0].mean())
        spreads.append(np.std(accuracies, ddof=1))
    return {"episodes": len(encoded), "namings": encoded[0].episode.way, "std": float(np.mean(spreads))}


def latency(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> dict[str, float]:
    """Median milliseconds of `adapt` on a support set, and of `predict` on its queries and on a single one."""
    times: dict[str, list[float]] = {"adapt_ms": [], "predict_ms": [], "predict_one_ms": []}

    def timed(key: str, function: Callable[..., Any], *given: Any) -> Any:
        began = time.perf_counter()
        value = function(*given)
        times[key].append(1000 * (time.perf_counter() - began))
        return value

    for one in encoded[:LATENCY_EPISODES]:
        state = timed("adapt_ms", model.adapt, one.support, one.episode.support.labels)
        timed("predict_ms", model.predict, state, one.query)
        timed("predict_one_ms", model.predict, state, one.query[:1])
    return {key: float(np.median(values)) for key, values in times.items() if values}
