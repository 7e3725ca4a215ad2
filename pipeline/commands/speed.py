"""`fewshot doctor --speed`: how many images a second this machine trains on and embeds. It takes about a minute."""

import time
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from components.fewshot.base_models.table import BaseModelSettings, pure_base_model
from components.fewshot.episodes.episode import Draw, EpisodeSpec
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.parallel import BATCH
from components.fewshot.training.devices import devices_of
from components.fewshot.training.embedder import Embedder
from components.fewshot.training.optimizer import build_optimizer
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import compiled_step
from components.fewshot.training.units import training_units
from pipeline.commands.doctor import Check

SECONDS = 20.0  # that each figure is measured for, after the first call
CLASSES, EACH = 20, 20


class Work(NamedTuple):
    """What is measured: a call, and the number of images in it."""

    call: Callable[[], object]
    images: int


def speed(seconds: float = SECONDS) -> list[Check]:
    """Measures training and embedding, each for so long.

    Raises:
      OSError: the weights of the pretrained base model are not here.
    """
    measured = {
        "training": ("protonet on conv4, 28 x 28 x 1, episodes of 5-way 5-shot with 15 queries a class", _training()),
        "features": ("efficientnet_lite0, 224 x 224 x 3", _embedding()),
    }
    return [
        Check(f"speed of {name}", True, f"{images_a_second(work, seconds):,.0f} images a second ({what})", "")
        for name, (what, work) in measured.items()
    ]


def images_a_second(work: Work, seconds: float) -> float:
    """How many images are through in a second, once everything is compiled."""
    work.call()
    calls, began = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - began < seconds:
        work.call()
        calls += 1
    return calls * work.images / (time.perf_counter() - began)


def _training() -> Work:
    """The outer step on one episode for each device, as a run reads and trains them."""
    store, spec = _store((28, 28, 1)), EpisodeSpec(way=5, shot=5, query=15)
    settings = TrainingSettings(meta_batch=len(devices_of("auto")), schedule="constant")
    base = pure_base_model(BaseModelSettings(name="conv4"), (28, 28, 1))
    learner = build_learner(LearnerChoice(name="protonet"), base, 5, CLASSES)
    trained = [*learner.variables().base, *learner.variables().own]
    optimizer = build_optimizer(settings, trained)
    optimizer.build(trained)
    units = training_units(learner.unit, store, spec, settings, seed=0)
    step, fed = compiled_step(learner, optimizer, units, settings), units.feed(range(10**9))
    return Work(lambda: float(step(next(fed)).loss), 5 * (5 + 15) * units.each)


def _embedding() -> Work:
    """As the features of a frozen base model are computed."""
    shape = (224, 224, 3)
    base = pure_base_model(BaseModelSettings(name="efficientnet_lite0", trainable="all"), shape)
    learner = build_learner(LearnerChoice(name="protonet"), base, 5, CLASSES)
    embed = Embedder(learner, _store(shape))
    rows = np.arange(2 * BATCH)
    draw = Draw(rows, np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int32))
    return Work(lambda: embed(draw), len(rows))


def _store(shape: tuple[int, int, int]) -> ArrayStore:
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (CLASSES * EACH, *shape), np.uint8)
    return ArrayStore(images, np.repeat(np.arange(CLASSES), EACH))
