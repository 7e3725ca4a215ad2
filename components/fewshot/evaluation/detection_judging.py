"""Evaluates a served detector on episodes through its signatures only, so that it is tested exactly as it is served."""

from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.episodes.scene_draw import MarkedDraw, marked, queries
from components.fewshot.episodes.scenes import Detections
from components.fewshot.evaluation.detections import DetectionResult, Truth, score
from components.fewshot.evaluation.judging import classes_of
from components.fewshot.images.sizes import shown_sizes
from components.fewshot.images.store import ImageStore, objects_in
from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.serving.served_state import ServedState


class EncodedScenes(NamedTuple):
    """An episode with encoded pictures, as a client would send it. Boxes are of the pictures as a person sees them."""

    episode: Episode
    support: list[bytes]  # [I]
    marked: MarkedDraw  # its labels are those of `episode.support`
    query: list[bytes]  # [Q]
    truth: Truth  # what there is in the queries
    classes: list[tuple[str, str]]  # [way], (name, domain)

    def found_by(self, model: ServedDetector) -> Detections:
        """What a model finds in the queries."""
        told = self.marked.boxes, self.marked.box_images, self.episode.support.labels
        return model.episode(self.support, *told, self.query)

    def adapted(self, model: ServedDetector) -> ServedState:
        """The task state of a model."""
        return model.adapt(self.support, self.marked.boxes, self.marked.box_images, self.episode.support.labels)


def encode_scenes(store: ImageStore, episode: Episode) -> EncodedScenes:
    """Reads the pictures of an episode once, for all models that are judged on it."""
    objects = objects_in(store)
    support, asked = marked(objects, episode.support), queries(objects, episode)
    pictures, query = store.encoded(support.images), store.encoded(asked.images)
    truth = Truth(asked.boxes, asked.labels, shown_sizes(query).astype(np.int64).prod(axis=1))
    return EncodedScenes(episode, pictures, support, query, truth, classes_of(store.index, episode))


def judge_scenes(model: ServedDetector, encoded: EncodedScenes) -> tuple[DetectionResult, Detections]:
    """One detector on one episode: the result, and what it found."""
    episode, found = encoded.episode, encoded.found_by(model)
    told = encoded.truth, encoded.classes, model.threshold, model.proposed(encoded.query)
    return score(episode.index, episode.shot, found, *told), found
