"""Checks of a detector beside its precision: does what it finds in a picture depend on other queries; how fast is it."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.episodes.scenes import Detections
from components.fewshot.evaluation.checks import LATENCY_EPISODES, QUERIES, Calls, agreement, companies, latency_of
from components.fewshot.evaluation.detection_judging import EncodedScenes, encode_scenes
from components.fewshot.evaluation.summary import Agreement, Independence
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served_detector import ServedDetector


def check_detector(model: ServedDetector, store: ImageStore, episodes: Sequence[Episode]) -> Independence:
    """The independence check over some queries of a few episodes; detectors take no features."""
    return {**check_detections(model, [encode_scenes(store, episode) for episode in episodes]), "by_features": None}


def check_detections(model: ServedDetector, episodes: Sequence[EncodedScenes]) -> Agreement:
    """The independence check over some queries of a few episodes."""
    return agreement([largest_dependence(model, one._replace(query=one.query[:QUERIES])) for one in episodes])


def largest_dependence(model: ServedDetector, encoded: EncodedScenes) -> float:
    """The largest change of what is found in a query, from what is found in it among all: a few queries are looked at alone, and
    all in two halves, each in reverse."""
    state = encoded.adapted(model)
    together = model.detect(state, encoded.query)
    changes = [
        largest_change(
            model.detect(state, [encoded.query[i] for i in place]), Detections(*(part[place] for part in together))
        )
        for place in companies(len(encoded.query))
    ]
    return float(np.max(changes))  # as in `checks`


def largest_change(one: Detections, other: Detections) -> float:
    """The largest difference of a box or a score of the same place; inf if any class differs, and nan if any number is nan."""
    if not np.array_equal(one.classes, other.classes):
        return float("inf")
    parts = ((one.boxes, other.boxes), (one.scores, other.scores))
    return float(np.max([np.abs(own - theirs).max(initial=0.0) for own, theirs in parts]))


def detector_latency(model: ServedDetector, episodes: Sequence[EncodedScenes]) -> dict[str, float]:
    """Median milliseconds of `adapt` on the marked objects of an episode, of `detect` on its queries, and on a single one."""
    return latency_of(
        Calls(partial(one.adapted, model), model.detect, one.query) for one in episodes[:LATENCY_EPISODES]
    )
