"""What the episodes of a detector count."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneTask
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Marked, Scenes
from components.fewshot.learners.detection.protonet import ProtoNetDetector, unmarked
from components.fewshot.settings.learners import LearnerChoice
from tests.components.fewshot.learners.detection.test_contract import make
from tests.components.fewshot.toy_scenes import FIRST, WAY, task_of


def test_an_object_is_not_named_by_itself():
    """Image 0 has objects of classes 0 and 1 marked, image 1 one of class 1, and image 2 is a query."""
    marked = Marked(tf.zeros((2, 4, 4, 1)), tf.zeros((3, 4)), tf.constant([0, 0, 1]))
    queries = Scenes(tf.zeros((1, 4, 4, 1)), tf.zeros((1, 2, 4)), tf.zeros((1, 2), tf.int32))
    labels, around = tf.constant([0, 1, 1]), (tf.zeros((2, 2, 4)), tf.zeros((2, 2), tf.int32))
    unit = SceneTask(marked, labels, *around, queries, tf.constant([5, 3]))
    shown = np.int32([[0, 1, STRANGER, NOTHING], [0, 1, IGNORED, NOTHING], [0, 1, STRANGER, NOTHING]])
    counted = [[IGNORED, IGNORED, STRANGER, NOTHING], [0, IGNORED, IGNORED, NOTHING], [0, 1, STRANGER, NOTHING]]
    np.testing.assert_array_equal(unmarked(tf.constant(shown), unit), counted)


def test_a_stranger_teaches_what_it_is_where_all_training_classes_are_named():
    """An object that is of no class of the episode is background to the episode, whatever it is."""
    task = task_of()
    one, other = (FIRST + WAY + number for number in range(2))
    swapped = tf.where(task.around_labels == other, one, task.around_labels)
    for kind, differs in (("protonet", False), ("protonet, cohort", True)):
        learner = make(kind)
        before, after = (
            float(learner.loss(learner.values(), each)[0]) for each in (task, task._replace(around_labels=swapped))
        )
        assert (before != after) == differs


def test_what_is_most_like_a_training_class_is_less_like_a_class_of_the_task():
    """Cosines of 1 and 0.6 to the prototype; the training class that is most alike has 0.6 and 1 of them. Half of that is taken
    off, in steps of the scale of 10 at the start."""
    learner = make("protonet, cohort")
    (kernel,) = [variable for variable in learner.variables().own if variable.shape == (7, 16)]
    kernel.assign(np.eye(7, 16))
    one, other = np.eye(16)[0], 0.6 * np.eye(16)[0] + 0.8 * np.eye(16)[9]
    prototype, regions = other[None], tf.constant([[other, one]], tf.float32)
    logits = learner.classify(learner.values(), {"prototypes": tf.constant(prototype, tf.float32)}, regions)
    np.testing.assert_allclose(logits[0, :, 0], [10 * (1 - 0.3), 10 * (0.6 - 0.5)], rtol=1e-4)
    np.testing.assert_allclose(logits[0, :, 1], [5, 5], rtol=1e-5)


def test_a_cohort_needs_training_classes():
    with pytest.raises(ValueError, match=r"^learner\.settings: cohort=0.5 needs auxiliary above 0, by which"):
        LearnerChoice(name="protonet", settings={"cohort": 0.5}).parsed(ProtoNetDetector.Settings)
