"""Checks beside accuracy: does a prediction depend on other queries, or on the numbering of the classes; how fast is it."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from components.fewshot.evaluation.judging import EncodedEpisode
from components.fewshot.evaluation.summary import Independence, LabelSpread
from components.fewshot.serving.served import ServedModel

Result = TypeVar("Result")

TOLERANCE = 1e-4  # of a probability: kernels add in a different order for a different batch size
LATENCY_EPISODES = 10
ALONE = 5  # queries of an episode that are predicted alone


def largest_dependence(model: ServedModel, encoded: EncodedEpisode) -> float:
    """The largest change of a query's probabilities with the other queries of its batch: a few queries are predicted alone,
    all in two halves, and all in reverse.

    It is zero except for rounding if the model is inductive, and nan if any probability is nan.
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
    return float(np.max(changes))  # np.max returns nan if there is one; max() does not


def check_independence(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> Independence:
    """The independence check over a few episodes."""
    largest = float(np.max([largest_dependence(model, one) for one in encoded], initial=0.0))
    return {"checked": len(encoded), "max_difference": largest, "tolerance": TOLERANCE, "holds": largest <= TOLERANCE}


def label_spread(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> LabelSpread:
    """How much accuracy depends on the numbering of the classes, which a fixed head may prefer: its standard deviation over
    cyclic renumberings."""
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
    """Median milliseconds of `adapt` on a support set, of `predict` on its queries, and of `predict` on a single query."""
    times: dict[str, list[float]] = {"adapt_ms": [], "predict_ms": [], "predict_one_ms": []}

    def timed(key: str, call: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        value = call()
        times[key].append(1000 * (time.perf_counter() - began))
        return value

    for one in encoded[:LATENCY_EPISODES]:
        state = timed("adapt_ms", partial(model.adapt, one.support, one.episode.support.labels))
        timed("predict_ms", partial(model.predict, state, one.query))
        timed("predict_one_ms", partial(model.predict, state, one.query[:1]))
    return {key: float(np.median(values)) for key, values in times.items() if values}
