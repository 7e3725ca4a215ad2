"""A training of seconds, for tests: twelve classes of noisy 6x6 images, and a network with normalisation and dropout."""

import keras
import numpy as np
from keras import layers

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.training.loop import Trainer
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import make_deterministic
from components.fewshot.training.units import training_units


def pictures() -> ArrayStore:
    rng = np.random.default_rng(0)
    centres, labels = rng.random((12, 6, 6, 1)), np.repeat(np.arange(12), 8)
    images = np.clip(centres[labels] + rng.normal(0, 0.15, (96, 6, 6, 1)), 0, 1)
    return ArrayStore((images * 255).astype(np.uint8), labels)


def trainer(
    store, path=None, learner="protonet", report=lambda progress: None, spec=None, dropout=0.1, **settings
) -> Trainer:
    make_deterministic(0)
    inputs = x = keras.Input((6, 6, 1))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    x = layers.Dropout(dropout)(layers.Flatten()(layers.ReLU()(x)))
    base = PureModel(keras.Model(inputs, layers.Dense(8)(x)))
    spec = spec or EpisodeSpec(way=3, shot=1, query=3)
    validation = Validation(store, [EpisodeSampler(store.index, spec, 1)(i) for i in range(10)])
    chosen = TrainingSettings(
        **{"steps": 12, "validate_every": 5, "checkpoint_every": 2, "learning_rate": 0.01} | settings
    )
    made = build_learner(LearnerChoice(name=learner), base, 3, 48)
    units = training_units(made.unit, store, spec, chosen, 0)
    return Trainer(made, chosen, units, validation, path, report)


def final(run: Trainer) -> list[np.ndarray]:
    run.run()
    return [v.numpy() for part in run.learner.variables() for v in part]
