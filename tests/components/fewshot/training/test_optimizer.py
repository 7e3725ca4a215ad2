"""The outer optimizer: its rates by step, its weight decay, and the rate of a learner's own variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.learners.interface import Weights
from components.fewshot.settings.learners import SETTINGS
from components.fewshot.training.optimizer import build_optimizer
from components.fewshot.training.settings import OPTIMIZERS, SETS_ANEW, AugmentationSettings, TrainingSettings
from components.fewshot.training.step import apply_gradients


def rates(at, **settings) -> list[float]:
    optimizer = build_optimizer(TrainingSettings(learning_rate=0.1, **settings))
    found = []
    for step in at:
        optimizer.iterations.assign(step)
        found.append(float(keras.ops.convert_to_tensor(optimizer.learning_rate)))
    return found


def test_warm_up_comes_before_any_schedule():
    rising = [0.02, 0.04, 0.06, 0.08, 0.1]
    assert rates(range(5), steps=104, warm_up=4, schedule="cosine") == pytest.approx(rising)
    assert rates([54, 104], steps=104, warm_up=4, schedule="cosine") == pytest.approx([0.05, 0.0], abs=1e-8)
    assert rates([*range(5), 99], steps=104, warm_up=4, schedule="constant") == pytest.approx([*rising, 0.1])
    halving = {"steps": 104, "warm_up": 4, "schedule": "halving", "halve_every": 10}
    assert rates([*range(5), 13, 14, 24], **halving) == pytest.approx([*rising, 0.1, 0.05, 0.025])


def test_warm_up_of_all_steps():
    assert rates(range(4), steps=4, warm_up=4) == pytest.approx([0.02, 0.04, 0.06, 0.08])
    with pytest.raises(ValueError, match="warm_up: expected at most the 3 steps of the stage, got 4"):
        TrainingSettings(steps=3, warm_up=4)
    assert TrainingSettings(steps=0, warm_up=4).warm_up == 4, "without steps there is no rate"


def moved(
    base: np.ndarray, own: np.ndarray, gradients: list[np.ndarray], steps: int = 1, **settings
) -> list[np.ndarray]:
    """A weight of the base model and one of the learner's own after steps of these gradients."""
    chosen = TrainingSettings(schedule="constant", **settings)
    variables = Weights([keras.Variable(base)], [keras.Variable(own)], [])
    trained = variables.base + variables.own
    optimizer = build_optimizer(chosen, trained)
    optimizer.build(trained)
    step = tf.function(lambda *given: apply_gradients(optimizer, variables, [*given], chosen.head_rate))
    for _ in range(steps):
        step(*map(tf.constant, gradients))
    return [variable.numpy() for variable in trained]


ONES = np.ones((2, 2), np.float32)


def test_head_rate_with_sgd():
    base, own = moved(ONES, ONES, [ONES, 2 * ONES], optimizer="sgd", learning_rate=0.1, head_rate=3.0)
    np.testing.assert_allclose(base, 0.9 * ONES, rtol=1e-6)
    np.testing.assert_allclose(own, (1 - 3 * 0.1 * 2) * ONES, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - SETS_ANEW))
def test_head_rate_is_a_learning_rate(name):
    """One's own weights move as those of the base model would at that rate, over several steps and with decay."""
    gradient = np.array([[0.3, -0.2], [0.1, 0.7]], np.float32)
    # lamb and adafactor take the size of a weight after its decay, which is a thousandth of the step here
    settings = {"steps": 5, "optimizer": name, "weight_decay": 0.01}
    _, own = moved(ONES, ONES, [gradient, gradient], learning_rate=0.01, head_rate=3.0, **settings)
    base, _ = moved(ONES, ONES, [gradient, gradient], learning_rate=0.03, **settings)
    np.testing.assert_allclose(own - ONES, base - ONES, rtol=2e-3)


@pytest.mark.parametrize("name", sorted(SETS_ANEW))
@pytest.mark.parametrize("asked", [{"head_rate": 2.0}, {"weight_decay": 0.1}])
def test_optimizers_that_set_weights_anew_are_refused(name, asked):
    with pytest.raises(ValueError, match=rf"{next(iter(asked))}: expected an optimizer that moves .*got '{name}'"):
        TrainingSettings(optimizer=name, **asked)
    with pytest.raises(ValueError, match="choose another training.optimizer"):
        TrainingSettings(optimizer=name, before=[asked])


def test_weight_decay_is_decoupled_and_of_kernels_alone():
    none = [np.zeros((2, 2), np.float32), np.zeros(2, np.float32)]
    kernel, bias = moved(ONES, ONES[0], none, optimizer="adam", learning_rate=0.5, weight_decay=0.2)
    np.testing.assert_allclose(kernel, (1 - 0.5 * 0.2) * ONES, rtol=1e-6)
    np.testing.assert_array_equal(bias, ONES[0])


@pytest.mark.parametrize(("name", "decay"), [("adam", None), ("adamw", 0.004)])
def test_by_default_the_decay_is_the_optimizers(name, decay):
    assert build_optimizer(TrainingSettings(optimizer=name)).weight_decay == decay
    assert build_optimizer(TrainingSettings(optimizer=name, weight_decay=0)).weight_decay == 0


def test_mixup_is_for_shuffled_images():
    fits = {name: settings.unit == "shuffled" for name, settings in SETTINGS.items()}
    assert True in fits.values() and False in fits.values()
    for name, fit in fits.items():
        if fit:
            TrainingSettings(mixup=0.2).check_unit(SETTINGS[name].unit)
            continue
        with pytest.raises(ValueError, match="training.mixup: expected 0 for a learner that is trained on .*, got 0.2"):
            TrainingSettings(mixup=0.2).check_unit(SETTINGS[name].unit)


def test_a_stage_has_settings_of_its_own():
    settings = TrainingSettings(blend=0.5, before=[{"augmentation": {"flip": True}, "mixup": 0.2, "warm_up": 3}])
    first, last = settings.of(settings.before[0]), settings.of(settings)
    assert first.augmentation == AugmentationSettings(flip=True) and (first.mixup, first.warm_up) == (0.2, 3)
    assert first.blend == 0 and last.blend == 0.5 and not last.augmentation.changes
