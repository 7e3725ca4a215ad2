"""Toy pictures with boxes as arrays: a square of the colour of its class on grey, in pictures of several sizes."""

import functools
from typing import NamedTuple

import keras
import numpy as np

from components.fewshot.base_models.faster_rcnn import faster_rcnn
from components.fewshot.model import MetaLearningModel

SIZES = ((64, 64), (40, 80), (90, 45))
CLASSES = 6


class Marked(NamedTuple):
    """Pictures uint8 [h, w, 3], the boxes in each, and their labels."""

    images: list[np.ndarray]
    boxes: list[np.ndarray]
    labels: list[list[int]]


def marked(each: int, classes: int = CLASSES, seed: int = 0) -> Marked:
    """Pictures with one object, `each` of each class, class by class."""
    rng = np.random.default_rng(seed)
    colours = np.random.default_rng(9).integers(0, 256, (classes, 3))
    labels = np.repeat(np.arange(classes), each)
    images, boxes = [], []
    for number, label in enumerate(labels):
        height, width = SIZES[number % len(SIZES)]
        top, left = rng.integers(0, (height - 30, width - 30))
        image = np.full((height, width, 3), 128, np.uint8)
        image[top : top + 30, left : left + 30] = colours[label]
        images.append(image)
        boxes.append(np.array([[top / height, left / width, (top + 30) / height, (left + 30) / width]]))
    return Marked(images, boxes, [[int(label)] for label in labels])


def detector(learner: str = "protonet", **settings: object) -> MetaLearningModel:
    """A small detector that nothing has been taught."""
    keras.utils.set_random_seed(0)
    base = faster_rcnn((64, 64, 3), filters=8, embedding=16)
    return MetaLearningModel(base, num_classes=2, learner=learner, **settings)


@functools.cache
def trained(learner: str = "protonet", **settings: object) -> MetaLearningModel:
    """One after a few steps, adapted to two classes."""
    model = detector(learner, **settings)
    model.compile(learning_rate=2e-3, gradient_clip=5.0)
    few = {"epochs": 1, "steps_per_epoch": 3, "validation_split": 0.34, "validation_episodes": 2, "verbose": False}
    model.fit(*marked(3), query=1, negatives=0, **few)
    model.adapt(*marked(1, 2, seed=1))
    return model
