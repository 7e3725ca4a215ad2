"""Toy images for tests: noisy copies of coarse random pictures, a class each; encoded and as arrays."""

import functools
import io

import keras
import numpy as np
from keras import ops
from PIL import Image

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.episodes.task import Batch, Task
from components.fewshot.learners import Learner
from components.fewshot.model import MetaLearningModel


def images(classes: int, each: int, side: int = 16, noise: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [classes * each, side, side, 1] and labels."""
    rng = np.random.default_rng(seed)
    coarse, labels = rng.random((classes, 4, 4, 1)), np.repeat(np.arange(classes), each)
    centres = coarse.repeat(side // 4, 1).repeat(side // 4, 2)
    pictures = np.clip(centres[labels] + rng.normal(0, noise, (classes * each, side, side, 1)), 0, 1)
    return (pictures * 255).astype(np.uint8), labels


def png(pixels: np.ndarray) -> bytes:
    """A grey image [H, W, 1] as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


@functools.cache
def trained(learner: str, **settings) -> MetaLearningModel:
    """A small model after a few steps."""
    keras.utils.set_random_seed(0)
    model = MetaLearningModel(conv4((16, 16, 1), 8), num_classes=3, learner=learner, **settings)
    model.compile(learning_rate=3e-3)
    model.fit(*images(20, 8), epochs=1, steps_per_epoch=5, validation_split=0.2, validation_episodes=5, verbose=False)
    return model


def unit_of(learner: Learner, task: Task) -> Task | Batch:
    """What the learner is trained on, made of the images of an episode; a batch holds its support before its queries."""
    if learner.unit == "episode":
        return task
    labels = ops.concatenate([task.support_labels, task.query_labels])
    return Batch(ops.concatenate([task.support, task.query]), ops.take(task.class_ids, labels))
