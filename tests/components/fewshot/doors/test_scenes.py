"""Which images with boxes are trained on, and which are held out."""

import numpy as np
import pytest

from components.fewshot.base_models.faster_rcnn import faster_rcnn
from components.fewshot.base_models.given import given_base_model
from components.fewshot.doors.door import Fitting
from components.fewshot.doors.scenes import Scenes
from components.fewshot.doors.sides import hold_out
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER

WHOLE, HALF = [0, 0, 1, 1], [0, 0.5, 1, 1]
NAMES = ["ash", "elm", "fir", "oak"]


@pytest.fixture(scope="module")
def door() -> Scenes:
    return Scenes(given_base_model(faster_rcnn((32, 32, 1), filters=4, embedding=4), None, None, 0))


def sides(door, labels, split=0.25, **options):
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((16, 32, 1), np.uint8)
    boxes = [[WHOLE, HALF][: len(own)] for own in labels]
    return door.sides({"images": images, "boxes": boxes, "labels": labels}, Fitting(validation_split=split, **options))


def test_an_image_with_a_class_that_is_held_out_is_not_trained_on(door):
    (held,) = hold_out(NAMES, 0.25)
    one, two, three = (name for name in NAMES if name != held)
    train, validation = sides(door, [[one, two], [one, held], [three, None], [], [None]])
    assert train.index.names == (one, two, three) and validation.index.names == (held,)
    assert train.objects.labels.tolist() == [0, 1, 2, IGNORED, IGNORED, NOTHING]
    assert validation.objects.labels.tolist() == [0, STRANGER], "the other one is there, and of no class"
    assert len(train.objects.one_of_each) == 4 and len(validation.objects.one_of_each) == 1
    assert train.objects.boxes[0].tolist() == [0.25, 0, 0.75, 1], "twice as wide as high"
    assert train.objects.boxes[1].tolist() == [0.25, 0.5, 0.75, 1]


def test_nothing_is_held_out(door):
    train, validation = sides(door, [[3, 4], [5]], split=0.0)
    assert train.index.names == ("3", "4", "5") and validation is None


def test_what_is_adapted_to(door):
    images = [np.zeros((8, 8, 1), np.uint8)] * 3
    given = {"support_images": images, "support_boxes": [[], [WHOLE, HALF], [HALF]]}
    support = door.support(given | {"support_labels": [[], [1, None], [0]]})
    (pictures, boxes, box_images), labels, way = support
    assert pictures.pixels.shape == (3, 32, 32, 1) and boxes.tolist() == [WHOLE, HALF]
    assert box_images.tolist() == [1, 2] and labels.tolist() == [1, 0] and way == 2
    for own, got in (
        ([[], [1, 3], [0]], "[0, 1, 3]"),
        ([[], ["a", "a"], ["b"]], "['a', 'b']"),
        ([[], [None] * 2, [None]], "[]"),
    ):
        with pytest.raises(ValueError, match="expected one of 0..W-1 for each box, without gaps, got") as error:
            door.support(given | {"support_labels": own})
        assert str(error.value).endswith(got)


def test_turned_images_have_no_boxes(door):
    with pytest.raises(ValueError, match="rotations: expected False where images have boxes"):
        sides(door, [[0]], rotations=True)
