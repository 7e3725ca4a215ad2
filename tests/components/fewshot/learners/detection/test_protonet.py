"""What the episodes of a detector count, by hand."""

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneTask
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Marked, Scenes
from components.fewshot.learners.detection.protonet import unmarked


def test_an_object_is_not_named_by_itself():
    """Image 0 has objects of classes 0 and 1 marked, image 1 one of class 1, and image 2 is a query."""
    marked = Marked(tf.zeros((2, 4, 4, 1)), tf.zeros((3, 4)), tf.constant([0, 0, 1]))
    queries = Scenes(tf.zeros((1, 4, 4, 1)), tf.zeros((1, 2, 4)), tf.zeros((1, 2), tf.int32))
    labels, around = tf.constant([0, 1, 1]), (tf.zeros((2, 2, 4)), tf.zeros((2, 2), tf.int32))
    unit = SceneTask(marked, labels, *around, queries, tf.constant([5, 3]))
    shown = np.int32([[0, 1, STRANGER, NOTHING], [0, 1, IGNORED, NOTHING], [0, 1, STRANGER, NOTHING]])
    counted = [[IGNORED, IGNORED, STRANGER, NOTHING], [0, IGNORED, IGNORED, NOTHING], [0, 1, STRANGER, NOTHING]]
    np.testing.assert_array_equal(unmarked(tf.constant(shown), unit), counted)
