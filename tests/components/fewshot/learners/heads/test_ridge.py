"""Ridge regression by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from components.fewshot.learners.heads.ridge import ridge_regression


def solve(vectors, targets, ridge):
    found = ridge_regression(*(ops.convert_to_tensor(np.asarray(a, np.float64)) for a in (vectors, targets, ridge)))
    return np.asarray(found)


def test_by_hand():
    """Two orthogonal vectors of unit length: each target is shrunk by 1 / (1 + ridge)."""
    np.testing.assert_allclose(solve(np.eye(2, 3), np.eye(2), 0.25), np.eye(3, 2) / 1.25)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 8), st.floats(0.01, 10))
def test_it_is_the_minimum(seed, count, size, ridge):
    """The gradient of |XK - T|^2 + ridge |K|^2 is zero."""
    rng = np.random.default_rng(seed)
    vectors, targets = rng.normal(size=(count, size)), rng.normal(size=(count, 2))
    kernel = solve(vectors, targets, ridge)
    np.testing.assert_allclose(vectors.T @ (vectors @ kernel - targets) + ridge * kernel, 0, atol=1e-8)
