"""Numbers out of files, at a place of its own in each."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.images.reading import Files, big, joined, little, says, walk


def at(*places: int) -> tf.Tensor:
    return tf.constant(places, tf.int64)


FILES = Files.of(tf.constant([b"abcdef", b"\x01\x02", b""]))


def test_worked_by_hand():
    assert FILES.length.numpy().tolist() == [6, 2, 0]
    assert FILES.take(at(4, 1, 0), 3).numpy().tolist() == [[101, 102, 0], [2, 0, 0], [0, 0, 0]]  # beyond the end: zeros
    assert FILES.take(at(-9, 99, 2**40), 1).numpy().tolist() == [[97], [0], [0]]
    pair = FILES.head(2)
    assert big(pair, 0, 2).numpy().tolist() == [0x6162, 0x0102, 0]
    assert little(pair, 0, 2).numpy().tolist() == [0x6261, 0x0201, 0]
    assert says(pair, 0, b"ab").numpy().tolist() == [True, False, False]
    assert FILES.between(at(1, 0, 0), at(3, 9, 9)).numpy().tolist() == [b"bc", b"\x01\x02", b""]
    patched = FILES.patched(at(2, 0, 0), tf.constant([[88, 89]] * 3, tf.int64), tf.constant([True, False, False]))
    assert patched.content.numpy().tolist() == [b"abXYef", b"\x01\x02", b""]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.integers(0, 25), st.integers(1, 8))
def test_take_is_a_slice_with_zeros(contents, place, count):
    taken = Files.of(tf.constant(contents)).take(at(*[place] * len(contents)), count).numpy()
    expected = [list(content[place : place + count].ljust(count, b"\0")) for content in contents]
    assert taken.tolist() == expected
    assert joined(tf.constant(expected, tf.int64)).numpy().tolist() == [bytes(row) for row in expected]


class Count(NamedTuple):
    """A walk that counts down."""

    going: tf.Tensor
    left: tf.Tensor
    seen: tf.Tensor  # [B, 2]


def test_each_file_walks_as_far_as_it_goes():
    def step(state: Count) -> Count:
        return Count(state.left > 1, state.left - 1, state.seen + 1)

    left = at(3, 0, 5)
    done = walk(Count(left > 0, left, tf.zeros([3, 2], tf.int64)), step)
    assert done.left.numpy().tolist() == [0, 0, 0]
    np.testing.assert_array_equal(done.seen, [[3, 3], [0, 0], [5, 5]])
