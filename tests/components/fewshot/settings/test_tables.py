"""What is known of learners, base models and optimizers without Keras is what there is in Keras and in the code."""

import importlib
import inspect

import keras

from components.fewshot.base_models.table import BASE_MODELS
from components.fewshot.learners import LEARNERS
from components.fewshot.settings.learners import SETTINGS
from components.fewshot.training.optimizer import find_optimizer
from components.fewshot.training.settings import OPTIMIZERS


def test_learners():
    assert list(SETTINGS) == list(LEARNERS)
    for name, learner in LEARNERS.items():
        known = SETTINGS[name]
        assert (learner.Settings, learner.unit, learner.has_fixed_head) == (known, known.unit, known.has_fixed_head)


def test_base_models():
    for name, path in BASE_MODELS.items():
        module, function = path.split(":")
        assert getattr(importlib.import_module(module), function).__name__ == name


def trains(name: str) -> bool:
    """Whether an optimizer of Keras trains by itself; some only wrap others."""
    wanted = {"learning_rate", "global_clipnorm"}
    return wanted <= inspect.signature(getattr(keras.optimizers, name)).parameters.keys() and name != "Optimizer"


def test_optimizers():
    names = [name for name in dir(keras.optimizers) if name[0].isupper() and trains(name)]
    assert sorted(name.lower() for name in names) == list(OPTIMIZERS)
    assert [find_optimizer(name.upper()).__name__ for name in OPTIMIZERS] == sorted(names, key=str.lower)
