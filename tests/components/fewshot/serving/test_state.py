"""Packing a task state: the vector by hand, any shapes and dtypes back again, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from components.fewshot.base_models.pure import PureModel
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.learners.interface import Part
from components.fewshot.serving import state as packing
from components.fewshot.serving.state import HEADER, Packing, fingerprint_words

DTYPES = {
    "float32": st.floats(width=32, allow_nan=False),
    "float16": st.floats(width=16, allow_nan=False),
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint32": st.integers(0, 2**32 - 1),
}


def learner(seed: int = 0, **how):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((2, 2, 1))
    base = PureModel(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs))))
    return build_learner(LearnerChoice(**how), base, 2, 2)


def packing_of(parts: dict[str, Part]) -> Packing:
    made = learner()
    made.task_state_parts = lambda way: parts
    return Packing(made)


def test_the_vector_by_hand():
    """Format, way, four words of the fingerprint, the length of the free side, then the numbers; an integer is two halves."""
    parts = {"a": Part((2,)), "n": Part((None,), "int32"), "b": Part((), "bool")}
    state = {"a": tf.constant([0.5, -2.0]), "n": tf.constant([3, -1, 65536]), "b": tf.constant(True)}
    made = packing_of(parts)
    vector = made.pack(state, 5).numpy().tolist()
    words = fingerprint_words(learner())
    assert vector == [1, 5, *words, 3, 0.5, -2.0, 3, 0, 65535, 65535, 0, 1, 1]
    assert all(0 <= word < 2**16 for word in words) and HEADER == 6


@st.composite
def states(draw):
    parts, state = {}, {}
    for name in "abc"[: draw(st.integers(1, 3))]:
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        dtype = draw(st.sampled_from(sorted(DTYPES)))
        count = int(np.prod(shape))
        values = np.array(draw(st.lists(DTYPES[dtype], min_size=count, max_size=count)), dtype)
        free = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
        parts[name] = Part(tuple(None if hole else side for side, hole in zip(shape, free, strict=True)), dtype)
        state[name] = values.reshape(shape)
    return parts, state


@settings(max_examples=40, deadline=None)
@given(states())
def test_whatever_is_packed_comes_back(given_state):
    parts, state = given_state
    made = packing_of(parts)
    back = made.unpack(made.pack({name: tf.constant(value) for name, value in state.items()}, 3), tf.constant(3))
    for name, value in state.items():
        assert back[name].dtype == value.dtype
        np.testing.assert_array_equal(back[name], value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v[:4], packing.TOO_SHORT),
        (lambda v: np.r_[2, v[1:]], packing.OTHER_FORMAT),
        (lambda v: np.r_[v[:2], v[2] + 1, v[3:]], packing.OTHER_MODEL),
        (lambda v: np.r_[v[0], 3, v[2:]], packing.MISFIT),
        (lambda v: v[:-1], packing.MISFIT),
        (lambda v: np.r_[v, 0], packing.MISFIT),
        (lambda v: v * np.nan, packing.OTHER_FORMAT),
    ],
)
def test_what_is_no_task_state_of_this_model(change, said):
    made = packing_of({"a": Part((None, 2))})
    vector = made.pack({"a": tf.ones((4, 2))}, 2).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        made.unpack(tf.constant(change(vector), tf.float32), tf.constant(2))


def test_a_fingerprint_tells_models_apart():
    words = fingerprint_words(learner())
    assert fingerprint_words(learner()) == words
    assert fingerprint_words(learner(seed=1)) != words
    assert fingerprint_words(learner(name="matching")) != words
    assert fingerprint_words(learner(name="matching", settings={"scale": 5.0})) != fingerprint_words(
        learner(name="matching")
    )


def test_a_dtype_that_float32_cannot_hold():
    with pytest.raises(ValueError, match=r"task state 'a': expected a dtype of float32, .*uint32, got float64"):
        packing_of({"a": Part((1,), "float64")})
