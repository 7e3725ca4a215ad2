"""Evaluates a served model on episodes through its signatures only, so that the model is tested exactly as it is served."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.evaluation.metrics import EpisodeResult, score, summarise
from components.fewshot.evaluation.summary import Summary
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel


class EncodedEpisode(NamedTuple):
    """An episode with encoded images, as a client would send it."""

    episode: Episode
    support: list[bytes]
    query: list[bytes]
    classes: list[tuple[str, str]]  # [way], (name, domain)


def encode_episode(store: ImageStore, episode: Episode) -> EncodedEpisode:
    """Reads the images of an episode once, for all models that are evaluated on it."""
    index = store.index
    places = [class_id % len(index.names) for class_id in episode.class_ids]
    classes = [(index.names[place], index.domains[place]) for place in places]
    return EncodedEpisode(episode, store.encoded(episode.support), store.encoded(episode.query), classes)


def judge(model: ServedModel, encoded: EncodedEpisode) -> tuple[EpisodeResult, np.ndarray]:
    """One model on one episode: the result, and the probabilities float32 [Q, W]."""
    episode = encoded.episode
    probabilities = model.episode(encoded.support, episode.support.labels, encoded.query)
    result = score(episode.index, episode.shot, probabilities, episode.query.labels, encoded.classes)
    return result, probabilities


def evaluate(
    model: ServedModel,
    store: ImageStore,
    episodes: Iterable[Episode],
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Metrics (`metrics.summarise`) of a model on episodes."""
    results = []
    for episode in episodes:
        results.append(judge(model, encode_episode(store, episode))[0])
        progress(len(results))
    return summarise(results)
