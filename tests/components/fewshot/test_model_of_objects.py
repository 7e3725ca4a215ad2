"""The notebook's view of a detector: the same verbs, with boxes."""

import inspect
import io
import typing

import numpy as np
import pytest
from PIL import Image

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.doors.table import DOORS
from components.fewshot.model import MetaLearningModel
from components.fewshot.serving.opening import open_served
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION
from tests.components.fewshot import toys
from tests.components.fewshot.toy_pictures import detector, marked, trained


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_fit_chooses_a_score_on_classes_that_it_held_out():
    model = trained()
    assert len(model._history["steps"]) == 3 and len(model._history["validation"]) == 1
    assert model.fitted.none_of_these is None and model.fitted.score is not None
    assert model.fitted.score["episodes"] == 2 and 0 < model.fitted.score["threshold"] <= 1


def test_what_is_found():
    model = trained()
    query = marked(2, 2, seed=2).images
    boxes, scores, classes, number = found = model.predict(query)
    assert found._fields == ("boxes", "scores", "classes", "num_detections")
    assert (boxes.shape, scores.shape, classes.shape, number.shape) == ((4, 50, 4), (4, 50), (4, 50), (4,))
    assert (boxes.dtype, scores.dtype, classes.dtype, number.dtype) == (np.float32, np.float32, np.int32, np.int32)
    there = classes >= 0
    assert there.any() and (there.sum(1) == number).all() and classes.max() <= 1
    assert (boxes >= 0).all() and (boxes <= 1).all() and (boxes[there][:, :2] < boxes[there][:, 2:]).all()
    alone = model.predict([query[1]])
    assert all(one.tobytes() == other[1:2].tobytes() for one, other in zip(alone, found, strict=True))
    assert [part.shape[0] for part in model.predict([])] == [0, 0, 0, 0]
    floats = model.predict([image / 255 for image in query])
    assert all(one.tobytes() == other.tobytes() for one, other in zip(floats, found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("learner", "settings"), [("protonet", {}), ("transfer", {"head_steps": 2}), ("finetune", {"steps": 2})]
)
def test_an_exported_model_finds_the_same_to_the_last_bit(tmp_path, learner, settings):
    model = trained(learner, **settings)
    model.export(str(tmp_path / "model"))
    served = open_served(str(tmp_path / "model"))
    manifest = served.manifest
    assert (manifest.kind, manifest.learner, manifest.base_model) == ("detection", learner, "faster_rcnn")
    assert manifest.image.fit == "pad" and manifest.score_threshold == model.fitted.score
    assert served._loaded.signatures.keys() == {"serving_default", "adapt", "predict", "propose"}
    images, boxes, labels = marked(1, 2, seed=1)
    query = marked(2, 2, seed=2).images
    state = served.adapt([png(one) for one in images], np.concatenate(boxes), np.arange(2), np.concatenate(labels))
    found, here = served.detect(state, [png(one) for one in query]), model.predict(query)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(found, here, strict=False))
    np.testing.assert_array_equal((found.classes >= 0).sum(1), here.num_detections)


def test_arguments_by_name_and_by_place_are_the_same():
    model = trained()
    images, boxes, labels = marked(1, 2, seed=1)
    before = model.predict(images)
    model.adapt(support_labels=labels, support_images=images, support_boxes=boxes)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(model.predict(images), before, strict=True))


def test_a_detector_by_name_and_the_order_of_calls():
    model = MetaLearningModel("faster_rcnn", image_shape=(64, 64, 3))
    images, boxes, labels = marked(1, 2)
    with pytest.raises(RuntimeError, match=r"^call fit\(images, boxes, labels\) first$"):
        model.adapt(images, boxes, labels)
    with pytest.raises(RuntimeError, match=r"^call fit\(images, boxes, labels\) first$"):
        model.export("nowhere")
    with pytest.raises(
        RuntimeError, match=r"^call adapt\(support_images, support_boxes, support_labels\) before predict"
    ):
        model.predict(images)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": None}, "labels: expected a list for each of 12 images"),
        ({"boxes": None}, "boxes: expected an array [n, 4] for each of 12 images"),
        ({"images": np.zeros((64, 64, 3))}, "images: expected [N, H, W, C], or a list of [h, w, C]"),
        ({"images": [np.zeros((9, 9, 3))]}, "boxes: expected an array [n, 4] for each of 1 images"),
        ({"boxes": [[[0, 0, 20, 20]]] * 12}, "divide pixels by its height and width"),
        ({"validation_split": 2}, "validation_split: expected a share"),
        (
            {"query": 5},
            "training classes: episodes of 2-way 1-shot with 5 query images need 2 classes of at least 6 images",
        ),
        ({"validation_split": 0.17}, "validation classes: episodes of 2-way 1-shot with 1 query image need 2 classes"),
        ({"rotations": True}, "rotations: expected False where images have boxes"),
    ],
)
def test_what_cannot_be_fitted(change, said):
    given = marked(2)._asdict() | {"query": 1, "negatives": 0, "verbose": False} | change
    with pytest.raises(ValueError, match=".*") as error:
        detector().fit(**given)
    assert said in str(error.value)


def test_boxes_where_there_should_be_none_and_none_where_there_should_be():
    images, boxes, labels = marked(1, 2)
    finds = "expected fit(images, boxes, labels, epochs=10"
    names, instead = "expected fit(images, labels, epochs=10", "MetaLearningModel('faster_rcnn', image_shape=(H, W, C))"
    classifier, whole = MetaLearningModel(conv4((16, 16, 1), 4)), toys.images(2, 1)
    for call, said in (
        (lambda: detector().fit(images, labels), ["missing a required argument: 'labels'", finds]),
        (lambda: detector().fit(images, labels=labels), ["missing a required argument: 'boxes'", finds]),
        (lambda: detector().adapt(images, labels), ["expected adapt(support_images, support_boxes, support_labels)"]),
        (lambda: classifier.fit(*whole, boxes=boxes), ["unexpected keyword argument 'boxes'", names, instead]),
        (lambda: classifier.fit(whole[0], boxes, whole[1]), ["got a ndarray for 'epochs'", names, instead]),
        (lambda: classifier.adapt(whole[0], boxes, whole[1]), ["too many positional arguments", instead]),
    ):
        with pytest.raises(TypeError) as error:
            call()
        assert all(part in str(error.value) for part in said) and "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"boxes\[0\]: .* got 'oak': boxes come before labels"):
        detector().fit(images, ["oak", "elm"], 3)
    with pytest.raises(ValueError, match="negatives: expected 0 where an image has a class as a whole, got 1"):
        classifier.fit(*whole, negatives=1)


def test_settings_that_boxes_cannot_have():
    for settings in ({"mixup": 0.2}, {"label_smoothing": 0.1}, {"augmentation": {"rotation": 9}}):
        with pytest.raises(ValueError, match="not for images with boxes"):
            detector().compile(**settings)
    detector().compile(augmentation={"colour": 0.2, "flip": True, "crop": 0.5})
    with pytest.raises(ValueError, match="no 'nca'; there are protonet, transfer, finetune"):
        detector("nca")
    with pytest.raises(ValueError, match="trainable: expected 'all' of a base model that finds objects, got 'none'"):
        MetaLearningModel("faster_rcnn", image_shape=(32, 32, 1), trainable="none")


@pytest.mark.parametrize("verb", ["fit", "adapt"])
def test_editors_are_told_what_is_taken(verb):
    """A door for each kind of task, in the order of the overloads."""
    told = [
        {name: one.default for name, one in inspect.signature(overload).parameters.items() if name != "self"}
        for overload in typing.get_overloads(getattr(MetaLearningModel, verb))
    ]
    calls = [getattr(DOORS[kind], f"{verb}s") for kind in (CLASSIFICATION, DETECTION)]
    for takes, call in zip(told, calls, strict=True):
        options = {name: default for name, default in takes.items() if default is not inspect.Parameter.empty}
        assert tuple(takes)[: len(call.data)] == call.data
        assert options.items() <= dict(call.options).items()
        assert set(call.options) - set(options) <= {"negatives"}  # which whole images have none of
