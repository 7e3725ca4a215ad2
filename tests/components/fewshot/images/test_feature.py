"""Pixels as numbers of an example: what goes in comes out, in a graph and without one."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from components.fewshot.images.feature import from_feature, to_feature


def test_worked_by_hand():
    pixels = np.array([1, 2, 0, 0, 0, 0, 0, 0, 255, 255], np.uint8).reshape(1, 2, 5, 1)
    # 1 + 2 * 256, and two bytes of 255 that are filled up with zeros
    assert to_feature(tf.constant(pixels)).numpy().tolist() == [[513, 65535]]
    all_white = tf.fill([1, 2, 4, 1], tf.constant(255, tf.uint8))
    assert to_feature(all_white).numpy().tolist() == [[-1]]


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3, st.sampled_from([1, 3]))))
def test_what_goes_in_comes_out(pixels):
    numbers = to_feature(tf.constant(pixels))
    np.testing.assert_array_equal(from_feature(numbers, pixels.shape[1:]), pixels)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_in_a_graph_of_any_number_of_images(count):
    there = tf.function(to_feature, input_signature=[tf.TensorSpec([None, 3, 3, 3], tf.uint8)])
    assert there.get_concrete_function().output_shapes.as_list() == [None, 4]
    pixels = np.arange(27 * count).astype(np.uint8).reshape(count, 3, 3, 3)
    np.testing.assert_array_equal(from_feature(there(pixels), (3, 3, 3)), pixels)
