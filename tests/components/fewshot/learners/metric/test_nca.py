"""Neighbourhood components analysis: the loss by hand and against a plain loop."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.task import Batch
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.learners.metric.nca import cosines, neighbour_loss


def batch_of(images, targets):
    return Batch(ops.convert_to_tensor(np.array(images, "float32")), ops.convert_to_tensor(np.array(targets, "int32")))


def flat(**settings):
    """Features are the two pixels of an image."""
    inputs = keras.Input((1, 2, 1))
    base = PureModel(keras.Model(inputs, layers.Flatten()(inputs)))
    return build_learner(LearnerChoice(name="nca", settings=settings), base, None, 3)


def test_three_images_by_hand():
    """Similarities of the first image: ln 3 to its friend, 0 to the stranger, so a share of 3/4. The friend sees the
    stranger at ln 2: 3/5. The stranger has no friend and does not count."""
    similarities = np.array([[9, np.log(3), 0], [np.log(3), 9, np.log(2)], [0, np.log(2), 9]], "float32")
    loss = neighbour_loss(ops.convert_to_tensor(similarities), ops.convert_to_tensor(np.array([4, 4, 5], "int32")))
    assert float(loss) == pytest.approx(-(np.log(3 / 4) + np.log(3 / 5)) / 2, rel=1e-5)


def test_no_image_with_a_friend():
    loss = neighbour_loss(ops.zeros((2, 2)), ops.convert_to_tensor(np.array([0, 1], "int32")))
    assert float(loss) == 0.0


def test_against_a_loop():
    rng = np.random.default_rng(0)
    vectors, targets = rng.standard_normal((9, 4)).astype("float32"), np.array([0, 0, 0, 1, 1, 2, 2, 2, 3], "int32")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    losses = []
    for i, mine in enumerate(targets):
        weights = {j: np.exp(5 * unit[i] @ unit[j]) for j in range(9) if j != i}
        friends = [weights[j] for j in weights if targets[j] == mine]
        losses += [-np.log(sum(friends) / sum(weights.values()))] if friends else []
    found = neighbour_loss(5.0 * cosines(ops.convert_to_tensor(vectors)), ops.convert_to_tensor(targets))
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_prototypes_and_logits_by_hand():
    learner = flat(scale=4.0)
    support = ops.reshape(ops.convert_to_tensor(np.array([[1, 0], [0, 1], [0, 3], [1, 0]], "float32")), (4, 1, 2, 1))
    labels = ops.convert_to_tensor(np.array([0, 0, 1, 1], "int32"))
    state = learner.adapt(learner.values(), support, labels, 2)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(state["prototypes"], [[half, half], [half, half]], rtol=1e-6)
    query = ops.reshape(ops.convert_to_tensor(np.array([[2, 0], [1, 1]], "float32")), (2, 1, 2, 1))
    logits = learner.predict(learner.values(), state, query)
    np.testing.assert_allclose(logits, [[4 * half, 4 * half], [4, 4]], rtol=1e-5)


def test_the_classifier_counts_by_its_weight():
    batch = batch_of(np.random.default_rng(0).random((6, 1, 2, 1)), [0, 0, 1, 1, 2, 2])
    alone, both, thrice = (
        float(learner.loss(learner.values(), batch)[0]) for learner in (flat(classifier=w) for w in (0.0, 1.0, 3.0))
    )
    assert both > alone
    assert thrice - alone == pytest.approx(3 * (both - alone), rel=1e-4)


def test_the_scale_is_learned():
    learner = flat()
    batch = batch_of([[[[1], [0]]], [[[0.9], [0.2]]], [[[0], [1]]], [[[0.1], [0.8]]]], [0, 0, 1, 1])
    assert (
        float(learner.outer_step(learner.values(), batch).gradients[0]) < 0
    )  # a larger scale tells the two apart better
