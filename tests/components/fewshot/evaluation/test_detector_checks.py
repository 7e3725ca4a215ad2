"""Checks of detectors: by hand on models that answer as told, and one that is exported."""

import math

import numpy as np
import pytest

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.scenes import STRANGER, Detections
from components.fewshot.evaluation.checks import companies
from components.fewshot.evaluation.detection_judging import encode_scenes
from components.fewshot.evaluation.detector_checks import (
    check_detections,
    detector_latency,
    largest_change,
)
from components.fewshot.images.parts import Shown, by_part, write_index, write_part, write_scenes
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served_state import ServedState
from tests.components.fewshot.small_detectors import client, picture

RED, GREEN = (220, 30, 30), (30, 200, 40)
LEFT, RIGHT = (0.1, 0.1, 0.6, 0.45), (0.3, 0.55, 0.9, 0.95)
SIZES = [(40, 60), (64, 64), (90, 30), (33, 57)]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> ImageStore:
    """Four pictures of several sizes, each with an elm on its left and an oak on its right."""
    directory, images = str(tmp_path_factory.mktemp("store")), []
    for number, (height, width) in enumerate(SIZES):
        sides = np.array([height, width, height, width])
        squares = [
            (tuple((np.array(box) * sides).astype(int)), colour) for box, colour in ((LEFT, RED), (RIGHT, GREEN))
        ]
        rows = [
            Shown(name, "t", f"{number}#{at}", box) for at, (name, box) in enumerate((("elm", LEFT), ("oak", RIGHT)))
        ]
        images.append((rows, picture(height, width, squares)))
    entries = [entry for _, some in by_part(write_scenes(directory, 0, images), 1) for entry in some]
    write_index(directory, [write_part(directory, 0, entries)], 1, None)
    return ImageStore.open(directory)


def draw(rows: list[int], labels: list[int]) -> Draw:
    return Draw(np.array(rows), np.array(labels, np.int32), np.zeros(len(rows), np.int32))


EPISODE = Episode(0, np.array([1]), draw([4, 5], [0, 0]), draw([6, 7], [0, 0]))  # oaks, which are rows 4 to 7


def test_an_episode_as_a_client_sends_it(store):
    """The elms are not marked, and strangers in the queries."""
    encoded = encode_scenes(store, EPISODE)
    assert encoded.support == [store.read(4), store.read(5)] and encoded.query == [store.read(6), store.read(7)]
    np.testing.assert_array_equal(encoded.marked.boxes, np.array([RIGHT, RIGHT], np.float32))
    assert encoded.marked.box_images.tolist() == [0, 1] and encoded.classes == [("oak", "t")]
    assert encoded.truth.labels.tolist() == [[STRANGER, 0], [STRANGER, 0]]


class Told:
    """A detector that finds one object in each query, of a score that may depend on how many there are."""

    def __init__(self, score=lambda count: 0.5, label=lambda count: 0):
        self._score, self._label, self.asked = score, label, []

    def adapt(self, support, boxes, box_images, labels) -> ServedState:
        return ServedState(np.zeros(3, np.float32), 1)

    def detect(self, state, query) -> Detections:
        count = len(query)
        self.asked.append(count)
        boxes = np.zeros((count, 1, 4), np.float32)
        return Detections(boxes, np.full((count, 1), self._score(count)), np.full((count, 1), self._label(count)))


@pytest.mark.parametrize(
    ("model", "largest"),
    [
        (Told(), 0),
        (Told(score=lambda count: 0.5 + count / 8), 0.125),
        (Told(label=lambda count: count), math.inf),
        (Told(score=lambda count: math.nan if count == 1 else 0.5), math.nan),
    ],
)
def test_independence_by_hand(store, model, largest):
    """Two queries are looked at together and alone."""
    found = check_detections(model, [encode_scenes(store, EPISODE)])
    assert found["checked"] == 1 and found["holds"] is (largest == 0)
    np.testing.assert_allclose(found["max_difference"], largest)


def test_companies():
    assert [place.tolist() for place in companies(5)] == [[0], [1], [2], [3], [4], [1, 0], [4, 3, 2]]
    assert [place.tolist() for place in companies(1)] == [[0], [0]]


def test_the_change_of_a_box_counts():
    one = Detections(np.zeros((1, 2, 4)), np.zeros((1, 2)), np.zeros((1, 2), int))
    assert largest_change(one, one) == 0
    assert largest_change(one, one._replace(boxes=one.boxes - 0.25)) == 0.25
    nothing = Detections(np.zeros((0, 2, 4)), np.zeros((0, 2)), np.zeros((0, 2), int))
    assert largest_change(nothing, nothing) == 0


def test_latency(store):
    """Of all queries of each episode, and of one."""
    model = Told()
    found = detector_latency(model, [encode_scenes(store, EPISODE)] * 2)
    assert found.keys() == {"adapt_ms", "predict_ms", "predict_one_ms"} and min(found.values()) >= 0
    assert model.asked == [2, 1, 2, 1]


def test_an_exported_detector_is_inductive(store):
    """To the last bit, on pictures of several sizes."""
    model = client()
    encoded = encode_scenes(store, EPISODE)._replace(query=[store.read(row) for row in range(4, 8)])
    found = check_detections(model, [encoded])
    assert found == {"checked": 1, "max_difference": 0.0, "tolerance": 1e-4, "holds": True}
    assert model.detect(encoded.adapted(model), encoded.query).classes.shape == (4, 50)
