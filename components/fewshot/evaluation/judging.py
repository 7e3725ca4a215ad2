"""Evaluates a served model on episodes through its signatures only, so that the model is tested exactly as it is served."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import ClassIndex, Episode
from components.fewshot.evaluation.features import FeatureStore
from components.fewshot.evaluation.results import EpisodeResult, score
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import Answers, ServedModel


class EncodedEpisode(NamedTuple):
    """An episode with encoded images, as a client would send it."""

    episode: Episode
    support: list[bytes]
    query: list[bytes]
    classes: list[tuple[str, str]]  # [way], (name, domain)


def encode_episode(store: ImageStore, episode: Episode) -> EncodedEpisode:
    """Reads the images of an episode once, for all models that are evaluated on it."""
    support, query = store.encoded(episode.support), store.encoded(episode.query)
    return EncodedEpisode(episode, support, query, classes_of(store.index, episode))


def classes_of(index: ClassIndex, episode: Episode) -> list[tuple[str, str]]:
    """The (name, domain) of each class of an episode, [way]."""
    places = [class_id % len(index.names) for class_id in episode.class_ids]
    return [(index.names[place], index.domains[place]) for place in places]


def judge(model: ServedModel, encoded: EncodedEpisode) -> tuple[EpisodeResult, np.ndarray]:
    """One model on one episode: the result, and the probabilities float32 [Q, W]."""
    episode = encoded.episode
    answers = model.episode_answers(encoded.support, episode.support.labels, encoded.query)
    return _scored(episode, answers, encoded.classes), answers.probabilities


def judge_by_features(model: ServedModel, features: FeatureStore, index: ClassIndex, episode: Episode) -> EpisodeResult:
    """One model on one episode by the features of its images: the same as `judge`, within rounding."""
    return _scored(episode, answers_by_features(model, features, episode), classes_of(index, episode))


def predict_by_features(model: ServedModel, features: FeatureStore, episode: Episode) -> np.ndarray:
    """Probabilities float32 [Q, W] of the queries of an episode, from features that the model has made before."""
    return answers_by_features(model, features, episode).probabilities


def answers_by_features(model: ServedModel, features: FeatureStore, episode: Episode) -> Answers:
    """What a model says of the queries of an episode, from features that it has made before."""
    state = model.adapt_features(features.vectors(episode.support), episode.support.labels)
    return model.answers_by_features(state, features.vectors(episode.query))


def _scored(episode: Episode, answers: Answers, classes: Sequence[tuple[str, str]]) -> EpisodeResult:
    return score(episode.index, episode.shot, answers.probabilities, episode.query.labels, classes, answers.familiarity)
