"""Checks beside accuracy: does a prediction depend on other queries, on when its features were computed, or on the numbering of
the classes; how fast is it."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.evaluation.features import embedded
from components.fewshot.evaluation.judging import EncodedEpisode, encode_episode, predict_by_features
from components.fewshot.evaluation.summary import Agreement, Independence, LabelSpread
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.served_state import ServedState

Result = TypeVar("Result")

TOLERANCE = 1e-4  # of a probability: kernels add in a different order for a different batch size
LATENCY_EPISODES = 3
QUERIES = 20  # of an episode that are checked
ALONE = 5  # of these that are predicted alone


def largest_dependence(model: ServedModel, encoded: EncodedEpisode, together: np.ndarray) -> float:
    """The largest change of a query's probabilities [Q, W] from those of all queries `together`: a few queries are predicted
    alone, and all in two halves, each in reverse.

    It is zero except for rounding if the model is inductive, and nan if any probability is nan.
    """
    labels = encoded.episode.support.labels
    changes = [
        np.abs(model.episode(encoded.support, labels, [encoded.query[i] for i in place]) - together[place]).max()
        for place in companies(len(encoded.query))
    ]
    return float(np.max(changes))  # np.max returns nan if there is one; max() does not


def companies(count: int) -> list[np.ndarray]:
    """In which companies the queries of an episode, `count` of them, are predicted to see whether they depend on one another: the
    places of a few alone, and of two halves, each in reverse."""
    order, half = np.arange(count), count // 2
    alone = [order[i : i + 1] for i in range(0, count, max(1, count // ALONE))]
    return [place for place in (*alone, order[:half][::-1], order[half:][::-1]) if len(place)]


def check_independence(model: ServedModel, store: ImageStore, episodes: Sequence[Episode]) -> Independence:
    """The independence check over some queries of a few episodes, and the one of features if the model takes them."""
    episodes = [episode.with_queries(QUERIES) for episode in episodes]
    encoded = [encode_episode(store, episode) for episode in episodes]
    together = [model.episode(one.support, one.episode.support.labels, one.query) for one in encoded]
    differences = [largest_dependence(model, *one) for one in zip(encoded, together, strict=True)]
    by_features = check_features(model, store, episodes, together) if model.takes_features else None
    return {**agreement(differences), "by_features": by_features}


def check_features(
    model: ServedModel, store: ImageStore, episodes: Sequence[Episode], by_images: Sequence[np.ndarray]
) -> Agreement:
    """Whether a model that takes features predicts by them what it predicts by `serving_default` from encoded images, which are
    the probabilities [Q, W] of each episode `by_images`."""
    with embedded(model, store, episodes) as features:
        differences = [
            float(np.abs(predict_by_features(model, features, episode) - probabilities).max())
            for episode, probabilities in zip(episodes, by_images, strict=True)
        ]
    return agreement(differences)


def agreement(differences: Sequence[float]) -> Agreement:
    """Whether the largest difference of each episode is within rounding."""
    largest = float(np.max(differences, initial=0.0))  # np.max returns nan if there is one
    return {
        "checked": len(differences),
        "max_difference": largest,
        "tolerance": TOLERANCE,
        "holds": largest <= TOLERANCE,
    }


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


class Calls(NamedTuple):
    """What a client calls for an episode."""

    adapt: Callable[[], ServedState]
    predict: Callable[[ServedState, Sequence[bytes]], object]
    query: Sequence[bytes]


def latency(model: ServedModel, encoded: Sequence[EncodedEpisode]) -> dict[str, float]:
    """Median milliseconds of `adapt` on a support set, of `predict` on its queries, and of `predict` on a single query."""
    return latency_of(
        Calls(partial(model.adapt, one.support, one.episode.support.labels), model.predict, one.query)
        for one in encoded[:LATENCY_EPISODES]
    )


def latency_of(episodes: Iterable[Calls]) -> dict[str, float]:
    """Median milliseconds of the calls of some episodes, by `adapt_ms`, `predict_ms` and `predict_one_ms`."""
    times: dict[str, list[float]] = {"adapt_ms": [], "predict_ms": [], "predict_one_ms": []}

    def timed(key: str, call: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        value = call()
        times[key].append(1000 * (time.perf_counter() - began))
        return value

    for one in episodes:
        state = timed("adapt_ms", one.adapt)
        timed("predict_ms", partial(one.predict, state, one.query))
        timed("predict_one_ms", partial(one.predict, state, one.query[:1]))
    return {key: float(np.median(values)) for key, values in times.items() if values}
