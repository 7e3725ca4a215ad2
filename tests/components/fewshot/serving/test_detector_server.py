"""The SavedModel of a detector: boxes of pictures as people see them, however they are stored, and sentences of refusal."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.episodes.scenes import Detections, Marked
from components.fewshot.images.decode import decode
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.frames import frames
from components.fewshot.serving.detector_server import DetectorServer, _first
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.opening import open_served
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.serving.served_state import ServedState
from components.fewshot.serving.state import HEADER, fingerprint_words
from components.fewshot.settings.detectors import DetectorSettings
from components.fewshot.settings.image import ImageSpec
from tests.components.fewshot.small_detectors import IMAGE, client, detector, directory, exported, picture

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 40), (40, 60, 230)
SUPPORT = [
    picture(48, 96, [((10, 10, 30, 30), RED), ((20, 60, 44, 90), GREEN)]),
    picture(80, 40, [((40, 8, 70, 36), RED)], "JPEG", turned=6),
    picture(30, 30, []),
]
BOXES = np.array([[10, 10, 30, 30], [20, 60, 44, 90], [40, 8, 70, 36]]) / [[48, 96, 48, 96]] * [[1], [1], [1]]
BOXES[2] = np.array([40, 8, 70, 36]) / [80, 40, 80, 40]
BOX_IMAGES, LABELS = np.array([0, 0, 1]), np.array([0, 1, 0])
QUERY = [
    picture(64, 64, [((5, 5, 30, 30), RED), ((34, 30, 60, 60), GREEN)], "BMP"),
    picture(100, 30, [((60, 4, 90, 26), BLUE)], "GIF"),
    picture(40, 120, [((4, 50, 36, 90), GREEN)], "JPEG", turned=8),
    picture(33, 57, [((4, 10, 25, 30), RED)], "WEBP"),
]


@pytest.fixture(scope="module")
def served() -> ServedDetector:
    return client()


def adapted(served) -> ServedState:
    return served.adapt(SUPPORT, BOXES, BOX_IMAGES, LABELS)


def same(one, other) -> bool:
    """Whether detections are equal to the last bit."""
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_signatures(served):
    signatures = served._loaded.signatures
    assert signatures.keys() == {"serving_default", "adapt", "predict", "propose"}
    takes = signatures["serving_default"].structured_input_signature[1]
    assert {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in takes.items()} == {
        "support_images": ("string", [None]),
        "support_boxes": ("float32", [None, 4]),
        "support_box_images": ("int32", [None]),
        "support_labels": ("int32", [None]),
        "query_images": ("string", [None]),
    }
    assert signatures["predict"].structured_outputs.keys() == {"boxes", "scores", "classes", "num_detections"}


def test_what_is_found(served):
    found = served.detect(adapted(served), QUERY)
    boxes, scores, classes = found
    assert (boxes.shape, scores.shape, classes.shape) == ((4, 50, 4), (4, 50), (4, 50))
    assert (boxes.dtype, scores.dtype, classes.dtype) == (np.float32, np.float32, np.int32)
    there = classes >= 0
    assert there.any(1).all() and set(classes[there].tolist()) <= {0, 1}
    assert (np.diff(there.astype(int), axis=1) <= 0).all() and (np.diff(scores, axis=1) <= 0).all()
    assert (boxes >= 0).all() and (boxes <= 1).all()
    assert (boxes[there][:, :2] < boxes[there][:, 2:]).all()
    assert not boxes[~there].any() and not scores[~there].any() and (classes[~there] == -1).all()


def test_num_detections(served):
    state = adapted(served)
    found = served._loaded.signatures["predict"](
        task_state=tf.constant(state.vector), num_classes=tf.constant(2), query_images=tf.constant(QUERY)
    )
    np.testing.assert_array_equal(found["num_detections"], (served.detect(state, QUERY).classes >= 0).sum(1))


def found_by(learner, query) -> Detections:
    """By hand: the pixels, the boxes in them, and the found boxes back in the pictures."""
    images = to_unit_range(decode(tf.constant(SUPPORT), IMAGE))
    boxes = frames(tf.constant(SUPPORT), IMAGE).at(tf.constant(BOX_IMAGES)).into(tf.constant(BOXES, tf.float32))
    marked = Marked(images, boxes, tf.constant(BOX_IMAGES, tf.int32))
    state = learner.adapt(learner.values(), marked, tf.constant(LABELS, tf.int32), 2)
    found = learner.predict(learner.values(), state, to_unit_range(decode(tf.constant(query), IMAGE)))
    return found._replace(boxes=frames(tf.constant(query), IMAGE).out_of(found.boxes))


def check_surest(served, learner) -> None:
    """Rounding may change the order of equals, but not what the surest is."""
    seen, expected = served.detect(adapted(served), QUERY), found_by(learner, QUERY)
    np.testing.assert_allclose(seen.scores[:, 0], expected.scores[:, 0], atol=1e-3)
    np.testing.assert_allclose(seen.boxes[:, 0], expected.boxes[:, 0], atol=1e-2)


def test_the_learner_finds_the_same(served):
    check_surest(served, detector())


def test_a_detector_that_steps_when_it_adapts(tmp_path):
    """Its gradient is part of the graph."""
    learner = detector("transfer", head_steps=2)
    check_surest(ServedDetector(exported(str(tmp_path), learner)), learner)


def test_adapt_then_detect_is_the_one_call(served):
    state = adapted(served)
    assert state.vector.ndim == 1 and state.vector.dtype == np.float32 and state.num_classes == 2
    at_once = served.episode(SUPPORT, BOXES, BOX_IMAGES, LABELS, QUERY)
    later = served.detect(state, QUERY)
    np.testing.assert_array_equal(at_once.classes, later.classes)
    np.testing.assert_allclose(at_once.scores, later.scores, atol=1e-5)


def test_a_picture_does_not_depend_on_its_batch_mates(served):
    """To the last bit: pictures of several sizes and formats alone, in another order, and with one twice."""
    state = adapted(served)
    together = served.detect(state, QUERY)
    for order in ([0], [1], [2], [3], [3, 2, 1, 0], [1, 1, 0], [2, 0]):
        assert same(served.detect(state, [QUERY[i] for i in order]), [part[order] for part in together])


@pytest.mark.parametrize("turned", [2, 3, 4, 5, 6, 7, 8])
def test_a_picture_that_exif_turns_is_the_one_that_is_shown(served, turned):
    """Without loss: the same pixels are shown, so the same boxes are taken and found."""
    squares = [((10, 10, 30, 30), RED), ((20, 60, 44, 90), GREEN)]
    upright, stored = picture(48, 96, squares), picture(48, 96, squares, turned=turned)
    other = served.adapt([stored, *SUPPORT[1:]], BOXES, BOX_IMAGES, LABELS)
    assert other.vector.tobytes() == adapted(served).vector.tobytes()
    assert same(served.detect(other, [stored]), served.detect(other, [upright]))


def test_pictures_without_a_box_change_nothing(served):
    fewer = served.adapt(SUPPORT[:2], BOXES, BOX_IMAGES, LABELS)
    np.testing.assert_allclose(fewer.vector, adapted(served).vector, atol=1e-5)


def test_edges_that_were_rounded_are_cut(served):
    whole = np.array([[0, 0, 1, 1]])
    exact = served.adapt(SUPPORT[:1], whole, [0], [0])
    rounded = served.adapt(SUPPORT[:1], np.array([[-9e-4, 0, 1 + 9e-4, 1 + 9e-4]]), [0], [0])
    assert exact.vector.tobytes() == rounded.vector.tobytes()


def test_no_query(served):
    boxes, scores, classes = served.detect(adapted(served), [])
    assert (boxes.shape, scores.shape, classes.shape) == ((0, 50, 4), (0, 50), (0, 50))


def test_places_of_objects(served):
    boxes, scores = served.propose(QUERY)
    asked = DetectorSettings().proposals
    assert boxes.shape == (4, asked, 4) and scores.shape == (4, asked)
    assert (scores.max(1) > 0).all() and (np.diff(scores, axis=1) <= 0).all()
    assert (boxes >= 0).all() and (boxes <= 1).all() and not boxes[scores == 0].any()
    assert same(served.propose(QUERY[1:2]), (boxes[1:2], scores[1:2]))


def test_each_picture_is_looked_at_once_for_proposals(served, monkeypatch):
    asked, ask = [], served.propose
    monkeypatch.setattr(served, "propose", lambda images: asked.extend(images) or ask(images))
    expected = ask(QUERY).boxes
    one, two = QUERY[:2]
    for _ in range(2):
        np.testing.assert_array_equal(served.proposed([two, one, two]), expected[[1, 0, 1]])
    assert asked == [two, one]


def given(**changed) -> dict:
    return {"boxes": BOXES, "box_images": BOX_IMAGES, "labels": LABELS} | changed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": [0, 2, 2]}, "support_labels must be 0..W-1 without gaps, each with an object"),
        ({"labels": [0, 1]}, "support_boxes and support_labels differ in length"),
        ({"box_images": [0, 1]}, "support_boxes and support_box_images differ in length"),
        ({"box_images": [0, 0, 3]}, "support_box_images must be 0..I-1, the place of the picture of each box"),
        (
            {"boxes": np.zeros((0, 4)), "box_images": [], "labels": []},
            "support_boxes is empty: give at least one object",
        ),
        ({"boxes": BOXES * [[1], [np.nan], [1]]}, "support_boxes must be numbers, as ymin, xmin"),
        ({"boxes": BOXES * 100}, "support_boxes must lie in the picture, .*: divide pixels by its height and width"),
        ({"boxes": BOXES[:, [2, 1, 0, 3]]}, "support_boxes must have ymin < ymax and xmin < xmax, as"),
        ({"boxes": BOXES[:, [0, 3, 2, 1]]}, "support_boxes must have ymin < ymax and xmin < xmax, as"),
        ({"boxes": [*BOXES[:2], [0.5, 1, 0.6, 1.0005]]}, "support_boxes must have ymin < ymax and xmin < xmax, as"),
    ],
)
def test_supports_that_make_no_sense(served, changed, said):
    """In one sentence, from both signatures."""
    with pytest.raises(ValueError, match=f"^the model refuses: {said}"):
        served.adapt(SUPPORT, **given(**changed))
    with pytest.raises(ValueError, match=f"^the model refuses: {said}"):
        served.episode(SUPPORT, **given(**changed), query=QUERY)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"boxes": BOXES[:, :3]},
            r"support_boxes: expected \[B, 4\], ymin, xmin, ymax, xmax of each, got shape \(3, 3\)",
        ),
        ({"labels": [0, -1, 1]}, r"support_labels: expected \[S\] in 0..W-1, got shape \(3,\) and \[0, -1, 1\]"),
        ({"box_images": [[0]]}, r"support_box_images: expected \[B\] in 0..I-1, got shape \(1, 1\)"),
    ],
)
def test_what_no_signature_takes(served, changed, said):
    with pytest.raises(ValueError, match=said):
        served.adapt(SUPPORT, **given(**changed))


def test_images_that_cannot_be_read(served):
    for bad, said in ((b"", r"the file is empty \(0 bytes\)"), (b"no image at all", "a text file, not an image")):
        with pytest.raises(ValueError, match=f"^the model refuses: image 1: {said}"):
            served.adapt([SUPPORT[0], bad, SUPPORT[2]], **given())
        with pytest.raises(ValueError, match=f"^the model refuses: image 0: {said}"):
            served.detect(adapted(served), [bad])
        with pytest.raises(ValueError, match=f"^the model refuses: image 0: {said}"):
            served.propose([bad])


def test_a_task_state_of_another_model(served):
    vector = adapted(served).vector.copy()
    vector[2:HEADER] = fingerprint_words(detector(seed=1))
    with pytest.raises(ValueError, match="the model refuses: task_state was made by another model: adapt again"):
        served.detect(adapted(served)._replace(vector=vector), QUERY)
    with pytest.raises(ValueError, match="the model refuses: task_state does not fit num_classes"):
        served.detect(adapted(served)._replace(num_classes=3), QUERY)


def test_a_task_state_in_a_file(served, tmp_path):
    path = str(tmp_path / "parts.npz")
    adapted(served)._replace(names=("nut", "bolt")).save(path)
    loaded = ServedState.load(path)
    assert loaded.names == ("nut", "bolt")
    assert same(served.detect(loaded, QUERY), served.detect(adapted(served), QUERY))


def test_what_was_found_in_a_bar_beside_the_picture_is_dropped():
    boxes = tf.constant([[[0.0, 0, 0, 1], [0, 0, 1, 1], [0.5, 0, 1, 1]]])
    there = tf.constant([[False, True, True]])
    found = _first(there, boxes, tf.constant([[0.9, 0.8, 0.7]]), tf.constant([[2, 1, 2]]))
    np.testing.assert_array_equal(found[0], [[[0, 0, 1, 1], [0.5, 0, 1, 1], [0, 0, 0, 0]]])
    np.testing.assert_array_equal(found[1], np.array([[0.8, 0.7, 0]], np.float32))
    np.testing.assert_array_equal(found[2], [[1, 2, 0]])


def test_a_form_that_would_cut_objects_off():
    image = ImageSpec(height=64, width=64, channels=3, fit="crop")
    with pytest.raises(ValueError, match="image.fit 'crop' would cut objects off"):
        DetectorServer(detector(), lambda encoded: tf.zeros([tf.size(encoded), *image.shape], tf.uint8), image)


def test_a_client_for_each_kind(tmp_path, monkeypatch):
    monkeypatch.setattr("tensorflow.saved_model.load", lambda directory: None)
    assert isinstance(open_served(directory()), ServedDetector)
    with pytest.raises(ValueError, match="is one of detection; expected one of classification"):
        ServedModel(directory())
    Manifest.read(directory()).model_copy(update={"kind": "classification"}).write(str(tmp_path))
    assert isinstance(open_served(str(tmp_path)), ServedModel)
    with pytest.raises(ValueError, match="is one of classification; expected one of detection"):
        ServedDetector(str(tmp_path))
    Manifest.read(str(tmp_path)).model_copy(update={"kind": "songs"}).write(str(tmp_path))
    with pytest.raises(ValueError, match="is one of 'songs'; this version knows classification and detection"):
        open_served(str(tmp_path))


def test_without_a_threshold_everything_is_shown(served, monkeypatch):
    assert served.threshold == 0.43
    monkeypatch.setattr(served, "manifest", served.manifest.model_copy(update={"score_threshold": {}}))
    assert served.threshold == 0.0
