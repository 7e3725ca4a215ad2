"""`fewshot adapt` with a detector, on annotated pictures as people bring them."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.serving.served_state import ServedState
from data.annotations.listing import list_annotated
from data.annotations.placing import placed
from pipeline.commands.detected_page import first_with_objects
from pipeline.commands.hues import hues_of, rgb
from tests.components.fewshot.small_detectors import THRESHOLD, client, directory, picture
from tests.components.scenes import write_scenes

CLASSES = ["black", "gold", "white"]


@pytest.fixture(scope="module")
def model() -> str:
    return directory()


@pytest.fixture(scope="module")
def served() -> ServedDetector:
    return client()


@pytest.fixture
def place(tmp_path, monkeypatch, served) -> Path:
    """Here lie `support`, annotated pictures of three classes, and `query`; the model is loaded once."""
    monkeypatch.setattr("pipeline.commands.detect.ServedDetector", lambda directory: served)
    write_scenes(tmp_path / "sets", each=6)
    shutil.move(tmp_path / "sets" / "test", tmp_path / "support")
    query = tmp_path / "query" / "below"
    query.mkdir(parents=True)
    shutil.copy(tmp_path / "sets" / "val" / "000.png", query.parent / "1.png")
    (query / "2.jpg").write_bytes(picture(90, 40, [((10, 4, 40, 34), (220, 190, 30))], "JPEG", turned=6))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shown(fewshot, model, place):
    def run(*words: str, query: str = "query"):
        return fewshot("adapt", "--model", model, "--support", "support", "--query", query, *words)

    return run


@pytest.fixture
def found(shown):
    def run(*words: str, code: int = 0) -> dict:
        result = shown("--json", *words)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    return run


def annotations(place: Path) -> dict:
    return json.loads((place / "support" / "annotations.json").read_text())


def annotate(place: Path, content: dict) -> None:
    (place / "support" / "annotations.json").write_text(json.dumps(content))


def test_what_the_model_finds(found, served, place):
    """By hand: the boxes of the file as shares of 48 x 64 pixels, and the model called with them."""
    content = annotations(place)
    files = sorted({one["id"]: one["file_name"] for one in content["images"]}.items())[:-1]  # nothing is in the last
    boxes, images, labels = [], [], []
    for place_of, (number, _) in enumerate(files):
        for one in (one for one in content["annotations"] if one["image_id"] == number):
            left, top, wide, high = one["bbox"]
            boxes.append([top / 48, left / 64, (top + high) / 48, (left + wide) / 64])
            images.append(place_of)
            labels.append(CLASSES.index(content["categories"][one["category_id"] - 1]["name"]))
    support = [(place / "support" / name).read_bytes() for _, name in files]
    state = served.adapt(support, np.array(boxes), np.array(images), np.array(labels))
    queries = ["query/1.png", "query/below/2.jpg"]
    expected = served.detect(state, [(place / path).read_bytes() for path in queries])
    result = found()
    assert [one["path"] for one in result["pictures"]] == queries and result["classes"] == CLASSES
    assert [(one["height"], one["width"]) for one in result["pictures"]] == [(48, 64), (90, 40)]
    assert result["threshold"] == 0.43 and result["score_threshold"] == THRESHOLD
    for number, one in enumerate(result["pictures"]):
        count = int((expected.scores[number] >= 0.43).sum())
        assert len(one["objects"]) == count > 0
        for at, each in enumerate(one["objects"]):
            assert each["label"] == CLASSES[expected.classes[number, at]]
            assert each["score"] == pytest.approx(expected.scores[number, at], abs=1e-4)
            assert each["box"] == pytest.approx(expected.boxes[number, at].tolist(), abs=1e-3)


def test_the_threshold(found):
    every = [one["score"] for one in found("--threshold", "0")["pictures"][0]["objects"]]
    some = sorted(every)[len(every) // 2]
    assert len(every) > 2 and every == sorted(every, reverse=True)
    assert [one["score"] for one in found("--threshold", str(some))["pictures"][0]["objects"]] == [
        score for score in every if score >= some
    ]
    assert found("--threshold", "1")["pictures"][0]["objects"] == []


def test_as_text(shown, found):
    result = shown("--threshold", "0")
    objects = [(one, each) for one in found("--threshold", "0")["pictures"] for each in one["objects"]]
    lines = result.stdout.splitlines()
    assert len(lines) == len(objects)
    for line, (one, each) in zip(lines, objects, strict=True):
        assert line.split() == [f"{each['score']:.3f}", each["label"], *(f"{e:.3f}" for e in each["box"]), one["path"]]
    said = " ".join(result.stderr.split())
    assert f"{len(objects)} objects of a score of 0.00 or more" in said and "validation" not in said
    result = shown("--threshold", "1")
    assert result.stdout.splitlines() == ["nothing found  query/1.png", "nothing found  query/below/2.jpg"]
    said = " ".join(shown().stderr.split())
    assert "on validation classes, 80 % of what is shown so is right, and 60 % of objects are shown" in said


def test_a_table(found, place):
    result = found("--threshold", "0", "--csv", "out.csv")
    with open("out.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["path", "label", "score", "ymin", "xmin", "ymax", "xmax"]
    assert [(row[0], row[1], *map(float, row[2:])) for row in rows] == [
        (one["path"], each["label"], each["score"], *each["box"])
        for one in result["pictures"]
        for each in one["objects"]
    ]


def test_coco_results_are_read_again(found, place):
    """By our own reader, beside the pictures: the same boxes, within half a pixel."""
    result = found("--threshold", "0", "--coco", "query/found.json")
    content = json.loads((place / "query" / "found.json").read_text())
    assert [one["name"] for one in content["categories"]] == CLASSES
    assert all({"image_id", "category_id", "bbox", "score"} <= one.keys() for one in content["annotations"])
    assert [one["id"] for one in content["annotations"]] == list(range(1, len(content["annotations"]) + 1))
    listed = list_annotated("query")
    assert listed.rejected == [] and listed.unannotated == []
    sizes = {"query/1.png": (48, 64, 1), "query/below/2.jpg": (40, 90, 6)}  # as stored
    for picture_of, one in zip(listed.pictures, result["pictures"], strict=True):
        again = placed(picture_of.told, *sizes[one["path"]])
        names = {(box.class_name, *np.round((box.ymin, box.xmin, box.ymax, box.xmax), 4)) for box in again.boxes}
        assert names <= {(each["label"], *np.round(each["box"], 4)) for each in one["objects"]}
        assert len(again.boxes) + len(again.unfit) == len(one["objects"])


def test_pictures_with_boxes(found, place):
    result = found("--pictures", "drawn/here", "--threshold", "0.3")
    for one, path in zip(result["pictures"], ("1.png.png", "below/2.jpg.png"), strict=True):
        pixels = np.asarray(Image.open(place / "drawn" / "here" / path))
        assert pixels.shape == (one["height"], one["width"], 3)
        best = one["objects"][0]
        ymin, xmin, ymax, _ = best["box"]
        colour = rgb(hues_of(CLASSES)[best["label"]])
        middle = pixels[round((ymin + ymax) / 2 * one["height"]), round(xmin * one["width"])]
        assert tuple(middle) == colour


def test_a_page_of_pictures(found, place):
    os.rename(place / "query" / "1.png", place / "query" / "<i>1.png")
    (place / "query" / "bad.png").write_bytes(b"")
    result = found("--html", "page.html", "--threshold", "0.3", code=1)
    page = (place / "page.html").read_text()
    objects = sum(len(one["objects"]) for one in result["pictures"])
    assert f"<h1>{objects} objects in 2 pictures</h1>" in page and "Shown from a score of 0.30 on" in page
    learnt = annotations(place)["annotations"]
    assert page.count('class="box') == objects + len(learnt) and page.count("<img") == 2 + 5
    assert "&lt;i&gt;1.png" in page and "<i>1" not in page and "http" not in page
    assert "query/bad.png: the file is empty (0 bytes)" in page


def test_a_page_of_many_shows_those_with_objects():
    nothing, something = ({"path": "", "height": 1, "width": 1, "objects": objects} for objects in ([], [1]))
    assert first_with_objects([nothing] * 150 + [something]) == [something] + [nothing] * 119
    assert first_with_objects([nothing, something]) == [nothing, something]


def test_annotations_that_lie_elsewhere(found, place):
    at_once = found()
    (place / "elsewhere").mkdir()
    shutil.move(place / "support" / "annotations.json", place / "elsewhere" / "parts.json")
    assert found("--annotations", "elsewhere") == at_once
    assert found("--annotations", "elsewhere/parts.json") == at_once


def test_without_annotations(shown, place):
    os.remove(place / "support" / "annotations.json")
    result = shown()
    assert (
        result.returncode == 2
        and "nothing in 'support' annotates a picture of 'support': expected VOC XML" in result.stderr
    )


def test_learnt_once_and_used_later(fewshot, model, found, place):
    at_once = found("--save-state", "colours.npz")
    assert ServedState.load("colours.npz").names == tuple(CLASSES)
    shutil.rmtree(place / "support")
    later = fewshot("adapt", "--model", model, "--state", "colours.npz", "--query", "query", "--json")
    assert later.returncode == 0 and json.loads(later.stdout) == at_once | {"state": None}


def test_what_is_set_aside_is_told(found, shown, place):
    """A picture that cannot be read, and objects: without area, far outside, a crowd."""
    content = annotations(place)
    image = content["images"][1]
    (place / "support" / image["file_name"]).write_bytes(b"no picture")
    add = {"image_id": 1, "category_id": 1}
    content["annotations"] += [
        add | {"id": 900, "bbox": [5, 5, 0, 7]},
        add | {"id": 901, "bbox": [500, 500, 20, 20]},
        add | {"id": 902, "bbox": [5, 5, 20, 20], "iscrowd": 1},
    ]
    content["categories"].append({"id": 9, "name": "silver"})
    annotate(place, content)
    shutil.copy(place / "support" / "000.png", place / "support" / "unknown.png")
    result = found()
    assert [one["path"] for one in result["support_set_aside"]] == ["support/001.png"]
    aside = result["support_objects_set_aside"]
    assert len(aside) == 2 and all(one["path"] == "support/annotations.json" for one in aside)
    assert result["ignored"] == 1 and result["unannotated"] == ["support/unknown.png"] and result["classes"] == CLASSES
    said = " ".join(shown().stderr.split())
    assert "support set aside: support/001.png: " in said and said.count("support object set aside: ") == 2
    assert "1 support object is a crowd or called difficult, and not learnt from" in said
    assert "1 support picture has no annotation, such as support/unknown.png" in said
    assert "no object of the class 'silver' is marked, so none is found" in said


def test_a_class_that_has_lost_all_its_objects(shown, place):
    content = annotations(place)
    for one in content["annotations"]:
        one["iscrowd"] = int(one["category_id"] == 1)
    annotate(place, content)
    result = shown()
    assert result.returncode == 2 and result.stdout == ""
    said = " ".join(result.stderr.split())
    assert "--support support: no object of class 'gold' can be learnt from (support/annotations.json: " in said
    assert "is a crowd, or called difficult): correct what is said of them, or remove it" in said
    annotate(place, content | {"annotations": []})
    result = shown()
    assert result.returncode == 2 and "nothing is marked in its 6 pictures" in result.stderr


def test_bad_queries_are_listed_and_the_rest_is_looked_at(found, shown, place):
    (place / "query" / "bad.png").write_bytes(b"")
    result = found(code=1)
    assert [one["path"] for one in result["pictures"]] == ["query/1.png", "query/below/2.jpg"]
    assert result["set_aside"] == [{"path": "query/bad.png", "reason": "the file is empty (0 bytes)"}]
    assert "set aside: query/bad.png: the file is empty" in shown().stderr
    result = shown(query="query/bad.png")
    assert result.returncode == 2 and "--query query/bad.png: no image can be read" in result.stderr


def test_many_queries_in_batches(found, monkeypatch):
    at_once = found()
    monkeypatch.setattr("pipeline.commands.detect.BATCH", 1)
    assert found() == at_once


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--top", "2"), "--top: says nothing to {model}, a model that finds objects; leave it out"),
        (("--coco", "none/a.json"), "--coco none/a.json: no such folder"),
        (("--pictures", "query/1.png"), "--pictures query/1.png: expected the name of a folder, got a file"),
        (("--threshold", "2"), "--threshold"),
    ],
)
def test_options_that_do_not_fit(shown, model, words, said):
    result = shown(*words)
    assert result.returncode == 2 and said.format(model=model) in " ".join(result.stderr.replace("│", " ").split())


def test_options_that_do_not_go_together(fewshot, model, place):
    given = ("--support", "support", "--save-state", "s.npz")
    for option in ("--coco", "--pictures", "--csv", "--html"):
        result = fewshot("adapt", "--model", model, *given, option, "out")
        assert result.returncode == 2 and f"{option} shows predictions: say with --query" in result.stderr
    result = fewshot("adapt", "--model", model, "--state", "s.npz", "--annotations", "a", "--query", "query")
    assert result.returncode == 2 and "--annotations says where the boxes of --support lie" in result.stderr


def test_options_of_detectors_alone(fewshot, model, place, tmp_path):
    """The manifest says what the model does; it is not loaded."""
    directory = str(tmp_path / "classes")
    Manifest.read(model).model_copy(update={"kind": "classification"}).write(directory)
    (tmp_path / "classes" / "saved_model.pb").touch()
    given = ("--model", directory, "--support", "support", "--query", "query")
    for option, value in (("--coco", "a.json"), ("--threshold", "0.5"), ("--annotations", "a"), ("--pictures", "a")):
        result = fewshot("adapt", *given, option, value)
        said = f"{option}: says nothing to {directory}, a model that names whole images; leave it out"
        assert result.returncode == 2 and said in " ".join(result.stderr.split())
    assert not tf.io.gfile.exists("a")
