"""One detector on one episode, by hand: three pictures, one of which EXIF turns."""

from types import SimpleNamespace

import numpy as np
import pytest

from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Detections
from components.fewshot.evaluation.detection_judging import encode_scenes, judge_scenes
from components.fewshot.images.object_files import store_of_objects
from components.fewshot.images.object_rows import Object, object_rows
from tests.components.fewshot.small_detectors import picture

LEFT, RIGHT = (0.0, 0.0, 0.5, 0.25), (0.5, 0.5, 1.0, 1.0)


@pytest.fixture
def store(tmp_path):
    """Of 40 x 80 pixels as shown: `a` shows an oak on the left and an elm on the right, `b` an oak and a crowd, `c` a fir."""
    scenes = {
        "a.png": (picture(40, 80, []), [("oak", LEFT, False, False), ("elm", RIGHT, False, False)]),
        "b.jpg": (
            picture(40, 80, [], "JPEG", turned=6),
            [("oak", RIGHT, False, False), ("oak", LEFT, True, False)],
        ),
        "c.png": (picture(40, 80, []), [("fir", LEFT, False, True)]),
        "d.png": (picture(40, 80, []), []),
    }
    rows = []
    for name, (image, objects) in scenes.items():
        (tmp_path / name).write_bytes(image)
        objects = [Object(of, of, box, *flags) for of, box, *flags in objects]
        rows += [(row, str(tmp_path / name)) for row in object_rows(name, objects)]
    return store_of_objects(rows[::-1])


def draw(*rows, labels):
    return Draw(np.array(rows), np.zeros(len(rows), np.int32), np.array(labels, np.int32))


EPISODE = Episode(7, np.array([1, 0], np.int32), draw(1, 0, labels=[0, 1]), draw(2, 3, labels=[0, -1]))
"""Its classes are oak and elm; both are marked in `a`, and `b` and `c` are asked for."""


def test_rows_are_sorted_as_on_disk(store):
    assert list(store.source_ids) == ["a.png#1", "a.png#0", "b.jpg#0", "c.png#0", "b.jpg#1", "d.png#0"]
    assert store.objects.labels.tolist() == [0, 1, 1, STRANGER, IGNORED, NOTHING]
    assert store.index.names == ("elm", "oak") and store.index.images.tolist() == [1, 2]
    assert store.objects.images[1] == store.objects.images[0] != store.objects.images[2]


def test_what_is_sent_and_what_is_true(store):
    found = encode_scenes(store, EPISODE)
    assert len(found.support) == 1 and found.marked.box_images.tolist() == [0, 0]
    assert found.marked.boxes.tolist() == [list(LEFT), list(RIGHT)]
    assert found.query == [store.read(2), store.read(3)] and found.classes == [("oak", "oak"), ("elm", "elm")]
    assert found.truth.labels.tolist() == [[0, IGNORED], [STRANGER, NOTHING]]
    assert found.truth.pixels.tolist() == [3200, 3200]


def test_a_result(store):
    """The oak is found, surest; what lies in the crowd is left out, and the fir is taken for an elm."""
    boxes = np.array([[RIGHT, LEFT], [LEFT, LEFT]], np.float32)
    answer = Detections(boxes, np.array([[0.9, 0.8], [0.6, 0]], np.float32), np.array([[0, 0], [1, -1]], np.int32))
    asked = []

    def episode(*given):
        asked.append(given)
        return answer

    model = SimpleNamespace(episode=episode, proposed=lambda images: boxes, threshold=0.5)
    result, found = judge_scenes(model, encode_scenes(store, EPISODE))
    assert found is answer and asked[0][3].tolist() == [0, 1]
    assert (result.index, result.shot, result.figure, result.images) == (7, 1, 1.0, 2)
    assert [(one.name, one.objects, one.found) for one in result.classes] == [("oak", 1, 1), ("elm", 0, 0)]
    assert (result.wrong, result.threshold) == (1, 0.5)
    assert result.proposed.objects == 2 and result.proposed.found == (20, 20, 20)
