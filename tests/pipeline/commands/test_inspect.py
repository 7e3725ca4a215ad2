"""`fewshot inspect` on folders as people bring them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data.annotations.objects import Box
from data.annotations.records import to_scene_example
from pipeline.commands.inspected_page import MOST, choose
from tests import pictures
from tests.data.annotations.written import box, coco, image, picture, voc, write
from tests.encoded import saved

NOISE = np.random.default_rng(0).integers(0, 256, (20, 40), np.uint8)


def scene(number: int, **options) -> bytes:
    """A picture of 40 x 20 that no other equals."""
    pixels = NOISE.copy()
    pixels[0, 0] = number
    return saved(pixels, "PNG", **options)


@pytest.fixture
def inspected(fewshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> dict:
        result = fewshot("inspect", *words, "--json")
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    return run


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.fixture
def boxes(tmp_path) -> Path:
    """Five pictures, of which one is damaged, one turned, one empty, and one not in the file."""
    images = [image(number, f"{number}.png") for number in range(1, 6)]
    objects = [
        *(box(10, 5, 20, 10), box(0, 0, 4, 4, category_id=2, iscrowd=1)),
        *(box(0, 0, 10, 5, image_id=2), box(35, 0, 10, 10, image_id=2), box(50, 0, 1, 1, image_id=2)),
        box(1, 1, 2, 2, image_id=9),
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(("cat", "Cat", "<b>dog"), 1)]
    write(
        tmp_path / "scenes",
        {
            "1.png": scene(1),
            "2.png": scene(2, exif=exif(6)),
            "3.png": scene(3)[:60],
            "4.png": scene(4),
            "6.png": scene(6),
            "set.json": coco(*objects, images=images, categories=categories),
            "README.md": "cats",
        },
    )
    return tmp_path / "scenes"


def test_a_folder_with_boxes(inspected, boxes):
    found = inspected("scenes")
    sides = {"smallest": [4.0, 0.1], "median": [10.0, 0.25], "largest": [20.0, 0.5]}
    assert found["kind"] == "detection" and found["pictures"] == 3
    assert found["picture_sizes"] == [[20, 40], [20, 40], [40, 20]]
    assert found["exif_turned"] == 1 and found["same_picture"] == 0
    assert [tuple(one.values())[:4] for one in found["classes"]] == [
        ("<b>dog", 0, 0, 0),
        ("Cat", 1, 1, 1),
        ("cat", 2, 3, 0),
    ]
    assert found["classes"][0]["sizes"] is None
    said = found["boxes"]
    assert said["formats"] == ["COCO"] and said["objects"] == 4 and said["ignored"] == 1 and said["cut"] == 1
    assert said["nothing_in_them"] == 1 and said["objects_a_picture"] == [0, 2, 2] and said["sizes"] == sides
    assert said["unannotated"] == [str(Path("scenes/6.png"))]
    assert [re.sub(r" \(.*\)", "", one["object"]) for one in said["objects_set_aside"]] == [
        "annotation 5",
        "annotation 6",
    ]
    assert [one["path"] for one in found["set_aside"]] == ["scenes/3.png", "scenes/set.json"]
    assert found["passed_over"] == {"scenes/*.md": 1}
    assert found["differ_by_case"] == [["Cat", "cat"]]


def test_what_people_see(fewshot, boxes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = fewshot("inspect", "scenes").stdout.splitlines()
    assert lines[:4] == [
        "detection (COCO): 3 pictures, 4 objects of 3 classes",
        "height x width: 20 x 40 to 40 x 20 pixels, median 20 x 40",
        "objects a picture: 0 to 2, median 2; 1 picture has nothing in it",
        "longer side of a box: 4 to 20 pixels, median 10",
    ]
    text = "\n".join(lines)
    for said in (
        "cat            2        3        0      25.0    25.0     50.0",
        "set aside: scenes/3.png: ",
        "object set aside: scenes/set.json: annotation 5 (id 5) ('cat') lies outside the picture: correct its box",
        "! 1 picture has no annotation, such as scenes/6.png",
        "! 1 box reached over the edge of the picture",
        "! 1 picture is turned as EXIF says, and their boxes with them",
        "! in no picture: '<b>dog'",
        "! passed over: scenes/*.md (1 file)",
        "! 'Cat' and 'cat' differ by case only",
    ):
        assert said in text


def test_a_folder_of_classes(inspected, fewshot, tmp_path):
    pictures.write_class(tmp_path / "photos", "oak", 3)
    pictures.write_class(tmp_path / "photos", "elm", 2)
    (tmp_path / "photos" / "elm" / "9.png").write_bytes(b"x")
    found = inspected("photos")
    assert found["kind"] == "classification" and found["pictures"] == 5 and found["boxes"] is None
    assert [(one["class_name"], one["pictures"]) for one in found["classes"]] == [("elm", 2), ("oak", 3)]
    assert [one["path"] for one in found["set_aside"]] == ["photos/elm/9.png"]
    text = fewshot("inspect", "photos", "--html", "page.html").stdout
    assert "classification: 5 pictures, 2 classes\n" in text and "pictures a class: 2 to 3, median 3" in text
    page = Path("page.html").read_text()
    assert page.count("<img ") == 5 and page.count('class="box') == 0


def test_annotations_that_lie_elsewhere(inspected, tmp_path):
    write(
        tmp_path, {"photos/a.png": picture(), "boxes/a.xml": voc("cat 10 5 30 15"), "photos/a.xml": voc("dog 1 2 3 4")}
    )
    assert [one["class_name"] for one in inspected("photos")["classes"]] == ["dog"]
    assert [one["class_name"] for one in inspected("photos", "--annotations", "boxes")["classes"]] == ["cat"]


def test_records_with_boxes(inspected, fewshot, tmp_path):
    for number in range(2):
        with tf.io.TFRecordWriter(str(tmp_path / f"scenes-{number}")) as writer:
            for each in range(2):
                boxes = [Box("cat", 0.25, 0.25, 0.75, 0.75)] * each
                writer.write(
                    to_scene_example(scene(2 * number + each), "PNG", (20, 40, 1), boxes, f"{number}{each}.png")
                )
            writer.write(to_scene_example(b"x", "PNG", (20, 40, 1), [], f"{number}x.png"))
    found = inspected("scenes-*", "--html", "page.html")
    assert found["pictures"] == 4 and found["boxes"]["formats"] == ["TFRecord"] and found["boxes"]["objects"] == 2
    names = [Path(one["path"]).name for one in found["set_aside"]]
    assert names == ["scenes-0:0x.png", "scenes-1:1x.png"]
    assert Path("page.html").read_text().count("<img ") == 4


def test_a_page_of_pictures_with_their_boxes(fewshot, boxes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fewshot("inspect", "scenes", "--html", "page.html")
    assert result.stdout.splitlines()[-1] == "page: page.html"
    page = Path("page.html").read_text()
    assert page.count("<img ") == 3 and page.count('<span class="box') == 4
    assert "left: 25.000%; top: 25.000%; width: 50.000%; height: 50.000%" in page
    assert "left: 75.000%; top: 0.000%; width: 25.000%; height: 25.000%" in page, "turned by EXIF"
    assert "&lt;b&gt;dog" in page and "<b>dog" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "nothing in it" in page and "lies outside the picture" in page and "scenes/3.png" in page


def test_a_page_shows_each_class_by_turns():
    from components.image_example_gen.facts import Fact
    from pipeline.commands.inspect import Looked

    read = [
        Looked(Fact("", "", f"{number}", f"/{number}"), (Box("rare" if number == 900 else "cat", 0, 0, 1, 1),))
        for number in range(1000)
    ]
    chosen = choose(read, ["cat", "rare"])
    assert len(chosen) == MOST and [one.fact.source_id for one in chosen[:3]] == ["0", "900", "1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "expected a folder of images, but 'nowhere' does not exist: correct the path"),
        (("empty",), "'empty' holds no picture; expected at least one"),
        (
            ("loose",),
            "'loose' holds no class (images directly in it belong to no class): .*; and if they have boxes: nothing in",
        ),
        (("loose", "--annotations", "empty"), "nothing in 'empty' annotates a picture of 'loose': expected VOC XML"),
        (("loose", "--html", "no/page.html"), "--html no/page.html: no such folder"),
        (("loose/a.png",), "record 0 of 'loose/a.png' cannot be read"),
    ],
)
def test_errors_are_sentences(fewshot, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"loose/a.png": picture()})
    (tmp_path / "empty").mkdir()
    result = fewshot("inspect", *words)
    assert result.returncode == 2 and re.search(said.replace("(", r"\(").replace(")", r"\)"), result.stderr), (
        result.stderr
    )


def test_a_damaged_file_of_boxes_is_told(inspected, tmp_path):
    pictures.write_class(tmp_path / "photos", "oak", 2)
    (tmp_path / "photos" / "set.json").write_text("{")
    (note,) = inspected("photos")["notes"]
    assert note.startswith("photos/set.json is not JSON")
