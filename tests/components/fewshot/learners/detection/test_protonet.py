"""What the episodes of a detector count."""

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneTask
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Marked, Scenes
from components.fewshot.learners.detection.protonet import unmarked
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
    for kind, differs in (("protonet", False), ("protonet, auxiliary", True)):
        learner = make(kind)
        before, after = (
            float(learner.loss(learner.values(), each)[0]) for each in (task, task._replace(around_labels=swapped))
        )
        assert (before != after) == differs
