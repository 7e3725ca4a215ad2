"""What the report shows of episodes of whole images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.few_shot_evaluator.report_inputs import DrawnEpisode, DrawnImage
from components.fewshot.episodes.episode import Draw, Episode, few_of_each
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel

MOST_DRAWN = 40  # query images that the report shows of an episode


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


def pictures_of(store: ImageStore, metrics: Mapping[str, Any]) -> dict[str, bytes]:
    """Returns the first encoded image of each class that is shown as confused, by its name."""
    names = sorted({name for pair in metrics["confusions"]["pairs"] for name in pair["classes"]})
    rows = store.index.starts[[store.index.names.index(name) for name in names]] if names else np.zeros(0, np.int64)
    still = np.zeros(len(names), np.int32)
    return dict(zip(names, store.encoded(Draw(rows, still, still)), strict=True))


def _turned(turn: int) -> str:
    return f" turned {90 * turn}°" if turn else ""
