"""`python -m benchmarks.steps`: measures an outer step, adapting and predicting, in milliseconds, for each learner."""

import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import decode
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import Learner, LearnerChoice, build_learner
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.module import export
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.server import Server
from components.fewshot.settings.image import ImageSpec
from components.fewshot.training.loop import READ_EVERY, Progress, Trainer
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import make_deterministic
from components.fewshot.training.units import training_units

IMAGE = ImageSpec(height=28, width=28, channels=1)
CLASSES, EACH, WARM, TIMED, BLOCKS = 100, 20, 5, 30, 4
ROWS: list[tuple[str, dict[str, object], EpisodeSpec, int]] = [  # learner, settings, episodes, episodes per step
    ("protonet", {}, EpisodeSpec(way=60, shot=1, query=5), 1),
    ("protonet", {}, EpisodeSpec(way=20, shot=5, query=5), 1),
    ("maml", {}, EpisodeSpec(way=5, shot=1, query=5), 4),
    ("maml", {"first_order": True}, EpisodeSpec(way=5, shot=1, query=5), 4),
    ("nca", {}, EpisodeSpec(way=60, shot=1, query=5), 1),
    ("transfer", {}, EpisodeSpec(way=60, shot=1, query=5), 1),
]


def main() -> None:
    """Prints the table. It uses Conv4 on 28 x 28 grey images, adapts to 5-way 1-shot and predicts 75 queries."""
    make_deterministic(0)
    images = np.random.default_rng(0).integers(0, 256, (CLASSES * EACH, *IMAGE.shape), np.uint8)
    store = ArrayStore(images, np.repeat(np.arange(CLASSES), EACH))
    table = Table("learner", "training episodes", "ms a step", "ms to adapt", "ms to predict", box=None)
    for name, settings, spec, batch in ROWS:
        choice = LearnerChoice(name=name, settings=settings)
        learner = build_learner(choice, PureModel(conv4(IMAGE.shape)), spec.way_range[0], CLASSES)
        step = step_time(learner, store, spec, batch)
        adapt, predict = serving_times(learner, spec, images)
        said = ", ".join([name, *(key.replace("_", " ") for key in settings)])
        table.add_row(said, f"{batch} x {spec.title}", f"{step:.0f}", f"{adapt:.1f}", f"{predict:.1f}")
    Console().print(table)


def step_time(learner: Learner, store: ArrayStore, spec: EpisodeSpec, batch: int) -> float:
    """Returns the milliseconds of an outer step: the median over blocks of steps, for the trainer reads numbers in blocks."""
    moments: list[float] = []

    def report(progress: Progress) -> None:
        if progress.step % READ_EVERY == 0:
            moments.append(time.perf_counter())

    settings = TrainingSettings(steps=(1 + BLOCKS) * READ_EVERY, meta_batch=batch)
    Trainer(learner, settings, training_units(learner.unit, store, spec, settings, 0), report=report).run()
    return 1000 * float(np.median(np.diff(moments))) / READ_EVERY


def serving_times(learner: Learner, spec: EpisodeSpec, images: np.ndarray) -> tuple[float, float]:
    """Returns the median milliseconds of `adapt` and of `predict`, through the signatures of the SavedModel."""
    facts = {"learner": "", "base_model": "conv4", "batch_norm": "", "inductive": True, "seed": 0, "steps": 0}
    with tempfile.TemporaryDirectory() as directory:
        manifest = Manifest(image=IMAGE, episodes=spec, **facts)
        export(Server(learner, lambda encoded: decode(encoded, IMAGE)), manifest, directory)
        served = ServedModel(directory)
        encoded = [tf.io.encode_png(image).numpy() for image in images[:80]]
        support, query, labels = encoded[:5], encoded[5:], np.arange(5)
        state = served.adapt(support, labels)
        return median(lambda: served.adapt(support, labels)), median(lambda: served.predict(state, query))


def median(function: Callable[[], object]) -> float:
    """Returns the median milliseconds of a call."""
    moments = [time.perf_counter()]
    for _ in range(WARM + TIMED):
        function()
        moments.append(time.perf_counter())
    return 1000 * float(np.median(np.diff(moments)[WARM:]))


if __name__ == "__main__":
    main()
