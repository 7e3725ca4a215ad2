"""Weights by name and kind."""

import keras
import pytest
from keras import layers

from components.fewshot.base_models import conv4
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.weights import names_of, weights_of
from components.fewshot.learners import LearnerChoice, build_learner


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["conv2d_7/kernel", "conv2d_8/kernel", "conv2d_7/bias"], ["conv2d/kernel", "conv2d_1/kernel", "conv2d/bias"]),
        (["a_3/dense_4/kernel", "b/dense_9/kernel"], ["a/dense/kernel", "b/dense/kernel"]),
        (["kernel", "kernel"], ["kernel", "kernel@1"]),
    ],
)
def test_names_by_hand(paths, names):
    assert names_of(paths) == names


def test_the_same_model_built_second_has_the_same_names():
    first, second = ([w.name for w in weights_of(conv4((16, 16, 1))).values()] for _ in range(2))
    assert first == second and len(set(first)) == len(first)


def frozen_below() -> keras.Model:
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="trunk", trainable=False)(inputs)
    x = layers.BatchNormalization(name="norm", momentum=0.75)(x)
    return keras.Model(inputs, layers.Dense(2, name="top")(layers.Dropout(0.5, name="drop")(x)))


def test_kinds_by_hand():
    kinds = {weight.name: weight.kind for weight in weights_of(frozen_below()).values()}
    assert kinds.pop(next(name for name in kinds if "seed" in name)) == "seed"
    assert kinds == {
        "trunk/kernel": "frozen",
        "trunk/bias": "frozen",
        "norm/gamma": "trained",
        "norm/beta": "trained",
        "norm/moving_mean": "moment",
        "norm/moving_variance": "moment",
        "top/kernel": "trained",
        "top/bias": "trained",
    }
    assert {w.momentum for w in weights_of(frozen_below()).values() if w.kind == "moment"} == {0.75}


def test_freezing_renames_nothing():
    """Else the weights of one layer could be given to another of the same shape."""

    def names(frozen: int | None) -> list[str]:
        model = keras.Sequential([keras.Input((4,)), *(layers.Dense(4) for _ in range(3))])
        for number, layer in enumerate(model.layers):
            layer.trainable = number != frozen
        known = weights_of(model)
        return [known[id(layer.kernel)].name.removeprefix("sequential/") for layer in model.layers]

    assert names(None) == names(0) == names(1) == ["dense/kernel", "dense_1/kernel", "dense_2/kernel"]


def test_a_frozen_normalisation_has_no_moments():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.BatchNormalization(trainable=False)(inputs))
    assert {weight.kind for weight in weights_of(model).values()} == {"frozen"}


def test_frozen_weights_are_no_part_of_a_task_state():
    learner = build_learner(LearnerChoice(settings={"batch_norm": "support"}), PureModel(frozen_below()), 2, 4)
    shapes = {name: part.shape for name, part in learner.task_state_parts(2).items()}
    assert shapes == {"prototypes": (2, 2), "moment/norm/moving_mean": (3,), "moment/norm/moving_variance": (3,)}


def test_moments_move_by_their_layer():
    """A quarter of the way from 0 to 4 and from 1 to 5; a frozen weight and a seed are as they are now."""
    learner = build_learner(LearnerChoice(settings={"batch_norm": "support"}), PureModel(frozen_below()), 2, 4)
    weights = learner.state_weights()
    moved = learner.moved_moments([0.0] * len(weights), [4.0] * len(weights))
    assert moved == [1.0 if weight.kind == "moment" else 4.0 for weight in weights]
