"""What the report shows of episodes of scenes: pictures with boxes around what is there and what was found."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from components.fewshot.episodes.episode import Episode, few_of_each
from components.fewshot.episodes.scenes import Detections
from components.fewshot.evaluation.detection_judging import EncodedScenes, encode_scenes, judge_scenes
from components.fewshot.evaluation.matching import match, overlaps
from components.fewshot.images.sizes import shown_sizes
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served_detector import ServedDetector

MOST_MARKED = 10  # objects of the support set whose pictures the report shows of an episode
MOST_DRAWN = 8  # query pictures of an episode
SIDE = 260  # of pictures in the report, in pixels
ENOUGH = 0.5  # overlap of a detection with its object

State = Literal["marked", "found", "missed", "right", "wrong"]


class DrawnBox(NamedTuple):
    """A box as it is drawn, in pixels of the picture as the report shows it."""

    state: State
    left: float
    top: float
    width: float
    height: float
    label: str = ""  # number of its class, from 1; and of a detection its score in %


class DrawnScene(NamedTuple):
    """A picture with boxes."""

    image: bytes  # encoded
    width: float  # in the report
    height: float
    boxes: list[DrawnBox]


class DrawnScenes(NamedTuple):
    """One test episode as the report shows it."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    figure: float
    classes: list[str]
    support: list[DrawnScene]
    query: list[DrawnScene]
    left_out: int  # queries that are not shown

    @property
    def images(self) -> list[bytes]:
        """All of its pictures."""
        return [one.image for one in (*self.support, *self.query)]


def draw_scenes(model: ServedDetector, store: ImageStore, episode: Episode) -> DrawnScenes:
    """Returns pictures of an episode with what the model shows in them, for the report."""
    encoded = encode_scenes(store, episode)
    result, found = judge_scenes(model, encoded)
    chosen = few_of_each(episode.query.labels, MOST_DRAWN)
    query = [_query(encoded, found, place, model.threshold) for place in chosen]
    classes = [name for name, _ in encoded.classes]
    left_out = len(encoded.query) - len(query)
    return DrawnScenes(episode.index, result.figure, classes, _support(encoded), query, left_out)


def no_pictures(store: ImageStore, metrics: Mapping[str, Any]) -> dict[str, bytes]:
    """Returns no pictures of classes: those that are confused are not told apart from other wrong detections."""
    return {}


def _support(encoded: EncodedScenes) -> list[DrawnScene]:
    labels = encoded.episode.support.labels
    objects = few_of_each(labels, MOST_MARKED)
    pictures = dict.fromkeys(encoded.marked.box_images[objects].tolist())
    found = []
    for picture in pictures:
        own = [place for place in objects if encoded.marked.box_images[place] == picture]
        boxes: list[Said] = [("marked", encoded.marked.boxes[place], f"{labels[place] + 1}") for place in own]
        found.append(_scene(encoded.support[picture], boxes))
    return found


Said = tuple[State, np.ndarray, str]


def _query(encoded: EncodedScenes, found: Detections, place: int, threshold: float) -> DrawnScene:
    shown = (found.classes[place] >= 0) & (found.scores[place] >= threshold)
    own = Detections(*(part[place][shown] for part in found))
    truth = encoded.truth
    true_boxes, labels, pixels = (part[place : place + 1] for part in truth)
    outcome = match(own.boxes[None], own.classes[None], true_boxes, labels, pixels, ("all",))
    right, wrong = outcome.right[0, 0, 0], outcome.wrong[0, 0, 0]
    taken = _taken(own.boxes[right], own.classes[right], truth.boxes[place], truth.labels[place])
    boxes: list[Said] = [
        ("found" if number in taken else "missed", truth.boxes[place, number], f"{label + 1}")
        for number, label in enumerate(truth.labels[place].tolist())
        if label >= 0
    ]
    boxes += [
        ("right" if hit else "wrong", box, f"{label + 1}: {100 * score:.0f} %")
        for box, score, label, hit, miss in zip(*own, right, wrong, strict=True)
        if hit or miss
    ]
    return _scene(encoded.query[place], boxes)


def _taken(boxes: np.ndarray, classes: np.ndarray, true_boxes: np.ndarray, labels: np.ndarray) -> set[int]:
    """The objects that right detections, the surest first, have taken."""
    taken: set[int] = set()
    overlap = overlaps(boxes[None].astype(float), true_boxes[None].astype(float), np.zeros((1, len(labels)), bool))[0]
    for own, label in zip(overlap, classes, strict=True):
        free = [place for place, of in enumerate(labels) if of == label and place not in taken and own[place] >= ENOUGH]
        taken |= {max(free, key=lambda place: (own[place], place))} if free else set()
    return taken


def _scene(image: bytes, boxes: Sequence[Said]) -> DrawnScene:
    height, width = shown_sizes([image])[0].tolist()
    scale = SIDE / max(height, width)
    height, width = scale * height, scale * width
    sides = np.array([height, width, height, width])
    drawn = []
    for state, box, label in boxes:
        top, left, bottom, right = (box * sides).round(1).tolist()
        drawn.append(DrawnBox(state, left, top, round(right - left, 1), round(bottom - top, 1), label))
    return DrawnScene(image, round(width, 1), round(height, 1), drawn)
