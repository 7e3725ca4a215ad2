"""ProtoNet by hand: on plain pixels it is the nearest centroid."""

import numpy as np
from keras import ops

from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import BaseModelSettings, build_base_model
from components.fewshot.learners import LearnerChoice, Weights, build_learner
from components.fewshot.learners.metric.protonet import squared_distances


def test_squared_distances_by_hand():
    a, b = np.array([[0.0, 0], [3, 4]], "float32"), np.array([[0.0, 0], [0, 4]], "float32")
    assert np.array(squared_distances(ops.convert_to_tensor(a), ops.convert_to_tensor(b))).tolist() == [
        [0, 16],
        [25, 9],
    ]


def test_nearest_centroid_on_pixels():
    base = PureModel(build_base_model(BaseModelSettings(name="pixels"), (1, 2, 1)))
    learner = build_learner(LearnerChoice(name="protonet"), base, None, 2)
    support = np.array([[0, 0], [0, 2], [4, 0]], "float32").reshape(3, 1, 2, 1)  # centroids (0, 1) and (4, 0)
    weights = Weights([], [], [])
    state = learner.adapt(weights, ops.convert_to_tensor(support), ops.convert_to_tensor([0, 0, 1]), 2)
    assert np.array(state["prototypes"]).tolist() == [[0, 1], [4, 0]]
    query = ops.convert_to_tensor(np.array([[2, 1]], "float32").reshape(1, 1, 2, 1))
    assert np.array(learner.predict(weights, state, query)).tolist() == [[-4, -5]]


def test_distances_far_from_the_origin_do_not_cancel():
    rng = np.random.default_rng(0)
    a, b = (100 + rng.standard_normal((n, 64)) for n in (5, 3))
    expected = ((a[:, None] - b[None]) ** 2).sum(-1)
    found = squared_distances(*(ops.convert_to_tensor(x.astype("float32")) for x in (a, b)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_nearest_direction_by_cosine():
    """Class means of features of unit length: of (0, 1) and (1, 0) the direction (1, 1), and (1, 0) itself."""
    base = PureModel(build_base_model(BaseModelSettings(name="pixels"), (1, 2, 1)))
    learner = build_learner(LearnerChoice(name="protonet", settings={"distance": "cosine"}), base, None, 2)
    support = np.array([[0, 2], [5, 0], [4, 0]], "float32").reshape(3, 1, 2, 1)
    weights = Weights([], [ops.log(ops.convert_to_tensor(10.0))], [])
    state = learner.adapt(weights, ops.convert_to_tensor(support), ops.convert_to_tensor([0, 0, 1]), 2)
    np.testing.assert_allclose(state["prototypes"], [[0.5**0.5, 0.5**0.5], [1, 0]], rtol=1e-6)
    query = ops.convert_to_tensor(np.array([[3, 0]], "float32").reshape(1, 1, 2, 1))
    np.testing.assert_allclose(learner.predict(weights, state, query), [[10 * 0.5**0.5, 10]], rtol=1e-6)
