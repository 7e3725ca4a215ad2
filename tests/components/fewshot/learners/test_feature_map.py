"""What heads do to features: each part by hand, and that none begins worse than the features are."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from components.fewshot.base_models.pure import PureModel
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.learners.feature_map import FeatureMap, whitening
from components.fewshot.settings.learners import FeatureMapSettings
from components.fewshot.training.observing import observe


def mapped(vectors, state=(), own=(), **settings):
    made = FeatureMap(FeatureMapSettings(**settings), vectors.shape[1])
    tensors = [ops.convert_to_tensor(np.asarray(value, np.float32)) for value in (*own, *state)]
    return np.asarray(made(tensors[: len(own)], tensors[len(own) :], ops.convert_to_tensor(vectors.astype("float32"))))


def unit(vectors):
    vectors = np.asarray(vectors, float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_without_any_part_vectors_pass():
    vectors = np.array([[3.0, 4.0], [0.0, 2.0]])
    np.testing.assert_array_equal(mapped(vectors), vectors)


def test_half_the_mean_is_taken_away():
    """[3, 4] has length 5: [0.6, 0.8] less half of [1, 0] is [0.1, 0.8]."""
    found = mapped(np.array([[3.0, 4.0]]), state=[[1.0, 0.0]], centre=0.5)
    np.testing.assert_allclose(found, unit([[0.1, 0.8]]), rtol=1e-6)


def test_a_residual_map_starts_as_nothing():
    made = FeatureMap(FeatureMapSettings(residual=0.01), 2)
    (start,) = made.build()
    np.testing.assert_array_equal(start, np.zeros((2, 2)))
    assert float(made.penalty([ops.ones((2, 2))])) == pytest.approx(0.04)
    found = mapped(np.array([[3.0, 4.0]]), own=[[[0.0, 1.0], [0.0, 0.0]]], residual=0.01)
    np.testing.assert_allclose(found, unit([[0.6, 1.4]]), rtol=1e-6)  # 0.8 + 0.6 * 1


def test_whitening_by_hand():
    """Two classes that vary by +-2 in the first direction and +-1 in the second: eigenvalues 4 and 1, and with a shrinkage of 1
    the scales are (4 + 2.5)^-1/2 and (1 + 2.5)^-1/2."""
    around = np.array([[2, 1], [2, -1], [-2, 1], [-2, -1]], float)
    vectors, labels = np.concatenate([around + 7, around - 3]), np.repeat([0, 1], 4)
    scales = np.array([6.5, 3.5]) ** -0.5
    np.testing.assert_allclose(whitening(vectors, labels, 1.0), np.diag(scales / scales.mean()), atol=1e-12)


def test_one_image_a_class_tells_of_no_scatter():
    np.testing.assert_array_equal(whitening(np.eye(3), np.arange(3), 10.0), np.eye(3))


def test_statistics_are_of_unit_length():
    made = FeatureMap(FeatureMapSettings(centre=1.0), 2)
    (mean,) = made.statistics(np.array([[3.0, 4.0], [0.0, 9.0]]), np.array([0, 1]))
    np.testing.assert_allclose(mean, [0.3, 0.9], rtol=1e-6)


@pytest.mark.parametrize("name", ["protonet", "ridge"])
def test_a_learner_observes_its_training_classes(name):
    inputs = keras.Input((2, 2, 1))
    base = PureModel(keras.Model(inputs, layers.Flatten()(inputs)))
    settings = {"centre": 0.5, "whiten": 10.0, "residual": 0.01}
    learner = build_learner(LearnerChoice(name=name, settings=settings), base, 2, 3)
    rng = np.random.default_rng(0)
    images, labels = rng.random((60, 2, 2, 1), np.float32), np.repeat(np.arange(3), 20)
    observe(learner, ArrayStore(images, labels))
    vectors = unit(images.reshape(60, 4))
    mean, white = (np.asarray(variable) for variable in learner.own_state)
    np.testing.assert_allclose(mean, vectors.mean(0), rtol=1e-5)
    np.testing.assert_allclose(white, whitening(vectors, labels, 10.0), rtol=1e-4)
    assert {"own/residual", "own/centre", "own/whitening"} <= learner.named_variables().keys()
