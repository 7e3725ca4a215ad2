"""What the training of a detector compiles runs on a GPU under op determinism; its predictions too."""

import pytest
import tensorflow as tf

from components.fewshot.episodes.scenes import Marked
from components.fewshot.learners.detection import DETECTORS
from components.fewshot.training.step import make_deterministic
from tests.components.fewshot.learners.detection.test_contract import make, stepping
from tests.components.fewshot.toy_scenes import SIDE, WAY
from tests.components.fewshot.training.test_gpu_graphs import offending


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_training_and_predicting(kind):
    make_deterministic(0)
    learner = make(kind)
    assert offending(stepping(learner, 3).get_concrete_function()) == []

    @tf.function(autograph=False)
    def found(images, boxes, box_images, labels):
        weights = learner.values()
        state = learner.adapt(weights, Marked(images, boxes, box_images), labels, WAY)
        return learner.predict(weights, state, images)

    ints = tf.TensorSpec([None], tf.int32)
    graph = found.get_concrete_function(tf.TensorSpec([None, SIDE, SIDE, 1]), tf.TensorSpec([None, 4]), ints, ints)
    assert offending(graph) == []
