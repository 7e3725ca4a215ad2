"""What the settings of a step change, and what they must not: XLA, half precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.base_models.precision import computing_in
from components.fewshot.base_models.pure import PureModel
from components.fewshot.learners import LEARNERS, Learner, Weights
from components.fewshot.learners.interface import Aux
from components.fewshot.settings.learners import ProtoNetSettings
from components.fewshot.training.optimizer import build_optimizer, scale_of
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import apply_gradients
from tests.components.fewshot.training.toys import final, pictures, trainer


@pytest.fixture(scope="module")
def store():
    return pictures()


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_xla_compiles_every_learner_and_trains_the_same(store, learner):
    """The same up to the order of sums. Without dropout, whose numbers XLA draws by another rule, and with sgd: Adam would make a
    sign of a gradient that is nothing but rounding."""
    settings = {"learner": learner, "steps": 3, "dropout": 0.0, "optimizer": "sgd", "learning_rate": 0.1}
    plain, compiled = (final(trainer(store, jit=jit, **settings)) for jit in (False, True))
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_half_precision_learns(store, learner, precision):
    run = trainer(store, learner=learner, steps=120, validate_every=40, precision=precision)
    accuracies = [row["accuracy"] for row in run.run().history["validation"]]
    assert max(accuracies) > 0.8, accuracies


def test_half_precision_is_half_precision(store):
    """Neither the same as in float32, nor far from it."""
    full, half = (final(trainer(store, steps=3, precision=one)) for one in ("float32", "bfloat16"))
    differences = [np.abs(a - b).max() for a, b in zip(full, half, strict=True) if a.dtype == np.float32]
    assert 1e-5 < max(differences) < 0.2


def test_float16_goes_on_where_it_was_stopped(store, tmp_path):
    expected = final(trainer(store, precision="float16"))
    path = str(tmp_path / "checkpoint.npz")

    def stop(progress):
        if progress.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(store, path, report=stop, precision="float16").run()
    for a, b in zip(expected, final(trainer(store, path, precision="float16")), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_gradient_that_is_not_finite_moves_nothing_and_halves_the_scale():
    weight = keras.Variable(1.0, dtype="float32")
    settings = TrainingSettings(
        precision="float16", optimizer="sgd", learning_rate=0.5, schedule="constant", head_rate=3.0
    )
    optimizer = build_optimizer(settings)
    optimizer.build([weight])
    found = []
    for gradient in (1.0, np.inf, np.nan, 1.0):
        scale = float(scale_of(optimizer))
        apply_gradients(optimizer, Weights([], [weight], []), [tf.constant(gradient) * scale], 3.0)
        found.append((float(weight.value), scale))
    assert found == [(-0.5, 2.0**15), (-0.5, 2.0**15), (-0.5, 2.0**14), (-2.0, 2.0**13)]
    assert int(optimizer.iterations) == 2


def test_a_small_gradient_is_lost_in_float16_unless_it_is_scaled():
    """Of 1e-9 * w by w."""
    pure = PureModel(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]))

    class Small(Learner):
        adapt = predict = task_state_parts = None

        def loss(self, weights, unit):
            features, state = self.base(weights.base, [], tf.ones((1, 1)), training=True, batch_statistics=False)
            return 1e-9 * features.vector[0, 0], Aux(features.vector, None, state)

    learner, scale = Small(pure, ProtoNetSettings(), 2, 2), 2.0**15
    with computing_in("float16"):
        lost, kept = (float(learner.outer_step(learner.values(), None, one).gradients[0][0, 0]) for one in (1.0, scale))
    assert (lost, kept) == (0, pytest.approx(1e-9 * scale, rel=1e-3))


def test_what_is_validated_and_served_is_in_full_precision(store):
    run = trainer(store, steps=2, precision="float16")
    run.run()
    weights, images = run.learner.values(), tf.ones((3, 6, 6, 1)) * [[[[0.1]]], [[[0.5]]], [[[0.9]]]]
    before = run.learner.adapt(weights, images, tf.constant([0, 1, 2]), 3)["prototypes"]
    full = run.learner.base(weights.base, weights.state, images, training=False, batch_statistics=False)[0].vector
    np.testing.assert_allclose(before, full, rtol=1e-6)
