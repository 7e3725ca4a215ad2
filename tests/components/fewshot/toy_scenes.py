"""Toy scenes: one bright form of each class on a dark ground, with its box."""

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.episodes.scenes import NOTHING, Marked, Scenes

SIDE, WAY, SHOT, QUERY, MOST = 32, 3, 2, 4, 3
FIRST = 2  # class of the training set that is the first of an episode
CELLS = 5  # along a side of a form


def form(number: int) -> np.ndarray:
    """float32 [10, 10]: a pattern of its class."""
    pattern = np.random.default_rng(number).random((CELLS, CELLS)) > 0.5
    return 0.4 + 0.6 * pattern.repeat(2, 0).repeat(2, 1)


def scene(rng: np.random.Generator, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """An image float32 [SIDE, SIDE, 1] with these classes in corners of their own, and their boxes [MOST, 4]."""
    image, boxes = 0.1 * rng.random((SIDE, SIDE)), np.zeros((MOST, 4))
    for place, (number, corner) in enumerate(zip(classes, rng.permutation(4), strict=False)):
        top, left = 16 * np.array(divmod(corner, 2)) + rng.integers(0, 6, 2)
        image[top : top + 10, left : left + 10] = form(number)
        boxes[place] = np.array([top, left, top + 10, left + 10]) / SIDE
    return image[..., None].astype(np.float32), boxes.astype(np.float32)


def scenes_of(rng: np.random.Generator, classes: list[list[int]]) -> Scenes:
    """Scenes with these classes, which are their labels, from FIRST on."""
    made = [scene(rng, own) for own in classes]
    labels = np.full((len(classes), MOST), NOTHING, np.int32)
    for row, own in zip(labels, classes, strict=True):
        row[: len(own)] = [FIRST + number for number in own]
    images, boxes = (tf.constant(np.stack(parts)) for parts in zip(*made, strict=True))
    return Scenes(images, boxes, tf.constant(labels))


def task_of(seed: int = 0) -> SceneTask:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(WAY), SHOT)
    support = scenes_of(rng, [[int(label), WAY + 1] for label in labels])
    query = scenes_of(rng, [[0, 1], [1, WAY], [2], [2, 0, WAY + 1]])
    marked = Marked(support.images, support.boxes[:, 0], tf.range(len(labels)))
    return SceneTask(marked, tf.constant(labels, tf.int32), support.boxes, support.labels, query, tf.range(WAY) + FIRST)


def unit_of(unit: str, task: SceneTask) -> SceneTask | SceneBatch:
    """What a learner of this unit is trained on, made of an episode."""
    return task if unit == "episode" else SceneBatch(task.query)
