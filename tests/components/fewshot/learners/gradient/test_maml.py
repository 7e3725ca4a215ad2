"""MAML: its gradient against finite differences, for older TensorFlows had second-order gradients that were wrong."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.task import Task
from components.fewshot.learners import LearnerChoice, Weights, build_learner


@pytest.fixture
def _float64():
    policy = keras.config.dtype_policy()
    keras.backend.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.backend.set_floatx("float32")
    keras.config.set_dtype_policy(policy)


def smooth_base() -> keras.Model:
    """All that Conv4 is made of, with a smooth activation so that finite differences mean something."""
    inputs = x = keras.Input((5, 5, 1))
    x = layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(x))
    x = layers.MaxPooling2D()(layers.Activation("softplus")(x))
    return keras.Model(inputs, layers.Flatten()(x))


def make(base: keras.Model | None = None, **settings):
    keras.utils.set_random_seed(3)
    return build_learner(LearnerChoice(name="maml", settings=settings), PureModel(base or smooth_base()), 2, 2)


def toy_task() -> Task:
    rng = np.random.default_rng(0)
    labels = tf.constant([0, 0, 1, 1])
    images = [tf.constant(rng.random((4, 5, 5, 1)), keras.backend.floatx()) for _ in range(2)]
    return Task(images[0], labels, images[1], labels, tf.constant([0, 1]))


def weights_of(learner) -> Weights:
    return Weights(*([tf.convert_to_tensor(v.value) for v in part] for part in learner.variables()))


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("mode", ["support", "transductive"])
def test_second_order_gradient_against_finite_differences(mode):
    learner, task = make(inner_rate=0.5, steps=2, batch_norm=mode), toy_task()
    weights = weights_of(learner)
    gradients = learner.outer_step(weights, task).gradients
    at = weights.base + weights.own
    rng = np.random.default_rng(1)
    direction = [tf.constant(rng.standard_normal(w.shape)) for w in at]
    slope = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradients, direction, strict=True))

    def loss(step: float) -> float:
        moved = [w + step * d for w, d in zip(at, direction, strict=True)]
        return float(learner.loss(weights._replace(base=moved[:-2], own=moved[-2:]), task)[0])

    measured = (loss(1e-6) - loss(-1e-6)) / 2e-6
    assert slope == pytest.approx(measured, rel=1e-7)
    learner = make(inner_rate=0.5, steps=2, batch_norm=mode, first_order=True)
    first_order = learner.outer_step(weights, task).gradients
    without = sum(float(tf.reduce_sum(g * d)) for g, d in zip(first_order, direction, strict=True))
    assert abs(without - measured) > 0.01 * abs(measured), "first order must differ from the true gradient"


def test_one_inner_step_by_hand():
    """Without features the inner step is one step of softmax regression: w - rate * x (p - y)."""
    inputs = keras.Input((1, 2, 1))
    learner = make(keras.Model(inputs, layers.Flatten()(inputs)), inner_rate=0.5, steps=1, test_steps=1)
    zero = Weights([], [tf.zeros((2, 2)), tf.zeros(2)], [])
    support = tf.reshape(tf.constant([[1.0, 0], [0, 1]]), (2, 1, 2, 1))
    state = learner.adapt(zero, support, tf.constant([0, 1]), 2)
    # p = 1/2 everywhere; the gradient of the kernel is mean of x (p - y) = [[-1/4, 1/4], [1/4, -1/4]]
    np.testing.assert_allclose(state["fast_0"], [[0.125, -0.125], [-0.125, 0.125]], atol=1e-7)
    np.testing.assert_allclose(state["fast_1"], [0, 0], atol=1e-7)


def test_a_range_of_ways_is_refused():
    with pytest.raises(ValueError, match="fixed head: train_episodes.way must be one number"):
        build_learner(LearnerChoice(name="maml"), PureModel(smooth_base()), None, 2)


def test_the_fast_path_agrees_with_float64():
    """What trains is float32 through the fused operation; what finite differences hold is float64 through Keras's."""
    found = []
    for dtype in ("float32", "float64"):
        keras.backend.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        try:
            learner, task = make(inner_rate=0.5, steps=2), toy_task()
            weights = Weights(
                *([tf.cast(w, w.dtype if w.dtype.is_integer else dtype) for w in part] for part in start(learner))
            )
            found.append([np.array(g, np.float64) for g in learner.outer_step(weights, task).gradients])
        finally:
            keras.backend.set_floatx("float32")
            keras.config.set_dtype_policy("float32")
    for fast, exact in zip(*found, strict=True):
        np.testing.assert_allclose(fast, exact, rtol=1e-3, atol=1e-5)


def start(learner) -> Weights:
    """The same weights in any dtype."""
    rng = np.random.default_rng(0)
    parts = learner.variables()
    base, own = ([tf.constant(0.3 * rng.standard_normal(v.shape)) for v in part] for part in (parts.base, parts.own))
    return Weights(base, own, [tf.convert_to_tensor(v.value) for v in parts.state])


def test_many_steps_at_test_time_are_one_loop():
    """The adapted weights are those of steps taken one by one, and the graph does not grow with them."""
    task = toy_task()
    learner = make(steps=3, test_steps=3, batch_norm="support")
    weights = weights_of(learner)
    state = learner.adapt(weights, task.support, task.support_labels, 2)
    unrolled, _ = learner._inner_loop(weights, task.support, task.support_labels)
    for i, expected in enumerate(unrolled):
        np.testing.assert_allclose(state[f"fast_{i}"], expected, rtol=1e-4, atol=1e-6)

    def nodes(steps: int) -> int:
        made = make(test_steps=steps)
        graph = tf.function(lambda s: made.adapt(weights_of(made), s, task.support_labels, 2)["fast_0"])
        return len(graph.get_concrete_function(task.support).graph.as_graph_def().node)

    assert nodes(50) == nodes(5)
