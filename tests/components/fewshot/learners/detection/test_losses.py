"""What counts in the losses, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Scenes
from components.fewshot.learners.detection.losses import box_loss, labelled, mean_of, proposal_loss, region_loss

BOXES = np.float32([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0.5, 0.5, 1]]])


def scenes(*labels: int) -> Scenes:
    return Scenes(tf.zeros((1, 2, 2, 1)), tf.constant(BOXES), tf.constant([labels], tf.int32))


def test_mean():
    assert float(mean_of(np.float32([1, 2, 6]), np.array([True, False, True]))) == 3.5
    assert float(mean_of(np.float32([1, 2, 6]), np.zeros(3, bool))) == 0


def test_what_regions_show():
    regions = np.float32([[[0, 0, 0.5, 0.4], [0.5, 0.5, 1, 1], [0.1, 0.6, 0.3, 0.8], [0.6, 0, 1, 0.4], [0, 0, 0, 0]]])
    found = labelled(regions, scenes(4, STRANGER, IGNORED))
    np.testing.assert_array_equal(found.labels, [[4, STRANGER, IGNORED, NOTHING, IGNORED]])
    np.testing.assert_array_equal(found.boxes[0, :2], BOXES[0, :2])


def test_the_three_kinds_of_regions_are_averaged_apart():
    certain = 20.0 * np.eye(3, dtype=np.float32)
    logits = np.stack([certain[[0, 2, 2, 2, 2, 0]]])
    right = np.int32([[0, STRANGER, NOTHING, NOTHING, NOTHING, IGNORED]])
    assert float(region_loss(logits, right)) == pytest.approx(0, abs=1e-4)
    one_wrong = np.int32([[1, STRANGER, NOTHING, NOTHING, NOTHING, IGNORED]])
    assert float(region_loss(logits, one_wrong)) == pytest.approx(20, abs=1e-3)  # not divided by the background's three
    stranger = logits.copy()
    stranger[0, 1] = certain[1]
    assert float(region_loss(stranger, right)) == pytest.approx(10, abs=1e-3)  # half, and the background the other half


def test_box_loss_by_hand():
    anchors = np.float32([[[0, 0, 0.2, 0.2], [0.3, 0.3, 0.5, 0.5]]])
    boxes = np.float32([[[0.02, 0, 0.22, 0.2], [0, 0, 1, 1]]])  # a tenth of its height down: a displacement of 1
    found = box_loss(np.zeros((1, 2, 4), np.float32), anchors, boxes, np.array([[True, False]]))
    assert float(found) == pytest.approx(0.5 / 4, rel=1e-4)


@pytest.mark.parametrize("label", [3, STRANGER])
def test_a_stranger_is_an_object_to_the_proposals(label):
    anchors = tf.constant(BOXES)
    rpn = {"objectness": tf.constant([[9.0, 9.0, -9.0]]), "deltas": tf.zeros((1, 3, 4)), "anchors": anchors}
    assert float(proposal_loss(rpn, scenes(0, label, NOTHING))) == pytest.approx(0, abs=1e-3)
    assert float(proposal_loss(rpn, scenes(0, label, 0))) > 2  # the third is missed
    assert float(proposal_loss(rpn, scenes(0, NOTHING, NOTHING))) > 4  # the second is background


def test_what_is_ignored_is_neither():
    for surely in (-9.0, 9.0):
        rpn = {
            "objectness": tf.constant([[9.0, surely, -9.0]]),
            "deltas": tf.zeros((1, 3, 4)),
            "anchors": tf.constant(BOXES),
        }
        assert float(proposal_loss(rpn, scenes(0, IGNORED, NOTHING))) == pytest.approx(0, abs=1e-3)
