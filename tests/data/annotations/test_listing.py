"""What is in a root of annotated pictures: nothing vanishes."""

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data.annotations.listing import AnnotatedListing, NoAnnotations, list_annotated
from data.annotations.placing import placed
from tests.data.annotations.written import box, coco, image, outcome, picture, voc, write

A = {"a.png": picture()}
CAT = "cat 10 5 30 15"


def test_a_listing_worked_out_by_hand(tmp_path):
    write(
        tmp_path,
        {
            "b/2.png": picture(),
            "b/2.txt": "0 0.5 0.5 0.5 0.5\n9 0.5 0.5 0.5 0.5",
            "b/1.png": picture(),
            "b/3.png": picture(),
            "b/3.txt": "nothing",
            "b/4.txt": "",
            "data.yaml": "names: [cat, dog]",
            "README.md": "x",
            "empty.d/.hidden": "x",
        },
    )
    found = list_annotated(str(tmp_path))
    assert found.formats == ["YOLO"]
    assert [one.file.source_id for one in found.pictures] == ["b/2.png"]
    assert [one.source_id for one in found.unannotated] == ["b/1.png"]
    assert [os.path.relpath(one.path, tmp_path) for one in found.rejected] == ["b/3.png", "b/4.txt"]
    assert [one.which for one in found.unfit] == ["line 2"]
    assert found.class_names == ["cat", "dog"]
    assert [one.relative for one in found.annotations] == ["b/2.txt", "b/3.txt", "b/4.txt", "data.yaml"]
    assert found.passed_over == {
        f"{tmp_path}/*.md": 1,
        f"{tmp_path}/empty.d/.hidden": 1,
    }


def test_the_order_of_the_file_system_does_not_matter(tmp_path, monkeypatch):
    names = [f"{number}.png" for number in range(9)]
    write(tmp_path, {name: picture() for name in names})
    write(tmp_path, {f"{name[:-4]}.xml": voc(CAT, head="") for name in names})
    before = list_annotated(str(tmp_path))
    scandir = os.scandir

    class Shuffled(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(
        os, "scandir", lambda path: Shuffled(random.Random(1).sample(found := list(scandir(path)), len(found)))
    )
    assert list_annotated(str(tmp_path)) == before


@pytest.mark.parametrize("named", ["boxes", "boxes/set.json"])
def test_annotations_that_lie_elsewhere(tmp_path, named):
    write(tmp_path / "photos", A | {"a.xml": "<svg/>"})
    write(tmp_path / "boxes", {"set.json": coco(box(10, 5, 20, 10))})
    assert outcome(tmp_path / "photos", str(tmp_path / named)) == {"a.png": CAT}


def test_one_of_two_formats_can_be_named(tmp_path):
    write(tmp_path, A | {"a.xml": voc("dog 10 5 30 15"), "set.json": coco(box(10, 5, 20, 10))})
    assert "annotated twice" in outcome(tmp_path)["error"]
    assert outcome(tmp_path, str(tmp_path / "set.json")) == {"a.png": CAT}
    assert outcome(tmp_path, str(tmp_path / "a.xml")) == {"a.png": "dog 10 5 30 15"}


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere", r"the annotations '.*nowhere' are neither a file nor a folder that can be read"),
        (
            "b.json",
            r"the annotations '.*b.json': the file is not JSON \(line 1, column 2\): expected a whole file; repair it",
        ),
        ("c.json", r"the annotations '.*c.json': the file is neither VOC XML nor COCO JSON nor a label file of YOLO"),
        ("empty", r"nothing in '.*empty' annotates a picture of '.*': expected VOC XML"),
    ],
)
def test_annotations_that_are_none(tmp_path, named, said):
    write(tmp_path, A | {"a.xml": voc(CAT), "b.json": "{", "c.json": "{}", "empty/x": "x"})
    with pytest.raises(ValueError, match=said):
        list_annotated(str(tmp_path), str(tmp_path / named))


def test_pictures_without_annotations_are_another_error(tmp_path):
    write(tmp_path, A | {"b.json": "{"})
    with pytest.raises(NoAnnotations, match=r"expected VOC XML .*; .*b.json is not JSON"):
        list_annotated(str(tmp_path))


def test_notes(tmp_path):
    write(tmp_path, A | {"set.json": coco(box(10, 5, 30, 15), box(20, 10, 25, 15))})
    (note,) = list_annotated(str(tmp_path)).notes
    assert "boxes reach over the edge (1 of them), and all 2 would fit as xmin, ymin, xmax, ymax" in note
    write(tmp_path, {"set.json": coco(box(1, 1, 3, 3), categories=[])})
    (note,) = list_annotated(str(tmp_path)).notes
    assert note.endswith("no categories, so each class is called by its id")


def test_a_name_that_is_not_utf_8(tmp_path):
    write(tmp_path, A | {"a.xml": voc(CAT, head="")})
    for suffix in (b".png", b".xml"):
        (tmp_path / f"a{suffix.decode()}").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff" + suffix))
    (one,) = list_annotated(str(tmp_path)).pictures
    assert one.file.reason == "the name is not UTF-8" and len(one.told.objects) == 1


NUMBERS = st.sampled_from(["0", "1", "7.5", "39", "40", "-3", "99", "nan", "x", "", "1e999"])
CLASSES = st.sampled_from(["cat", "dog", "", " "])
OBJECTS = st.lists(st.tuples(CLASSES, NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=4)
STEMS = st.sampled_from(["a", "b", "c", "sub/d", "sub/e"])
FILES = st.dictionaries(STEMS, OBJECTS, min_size=1)


def in_voc(objects):
    elements = [
        f"<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{w}</xmax><ymax>{h}</ymax></bndbox></object>"
        for name, x, y, w, h in objects
    ]
    return f"<annotation>{''.join(elements)}</annotation>"


def as_voc(files):
    return {f"{stem}.xml": in_voc(objects) for stem, objects in files.items()}


def as_yolo(files):
    lines = {
        stem: [" ".join(("0", *(edge or "y" for edge in one[1:]))) for one in objects]
        for stem, objects in files.items()
    }
    return {f"{stem}.txt": "\n".join(found) for stem, found in lines.items()} | {"classes.txt": "cat"}


def as_coco(files):
    numbered = list(enumerate(files))
    objects = [
        {"image_id": number, "bbox": list(edges), "category_id": name}
        for number, stem in numbered
        for name, *edges in files[stem]
    ]
    images = [image(number, f"{stem}.png") for number, stem in numbered]
    return {
        "set.json": json.dumps({"images": images, "annotations": objects, "categories": [{"id": "cat", "name": "cat"}]})
    }


@pytest.mark.parametrize("form", [as_voc, as_yolo, as_coco])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES, pictures=st.sets(STEMS, min_size=1))
def test_nothing_vanishes(tmp_path_factory, form, files, pictures):
    root = tmp_path_factory.mktemp("set")
    write(root, {f"{stem}.png": picture() for stem in pictures} | form(files))
    try:
        found = list_annotated(str(root))
    except ValueError:
        return
    everywhere = [
        *(one.file.path for one in found.pictures),
        *(one.path for one in found.unannotated),
        *(one.path for one in found.rejected if one.path.endswith(".png")),
    ]
    assert sorted(everywhere) == sorted(str(root / f"{stem}.png") for stem in pictures)
    aside = {Path(one.path).with_suffix("").relative_to(root).as_posix() for one in found.rejected}
    read = {os.path.splitext(one.file.source_id)[0] for one in found.pictures}
    told = sum(len(objects) for stem, objects in files.items() if stem in read)
    assert told == objects_of(found)
    lost = files.keys() - read - aside
    assert form is as_coco or len(lost) == sum(
        number for place, number in found.passed_over.items() if place.endswith("*.txt")
    )


def objects_of(found: AnnotatedListing) -> int:
    """Objects of pictures that were read, and those of them that are set aside, once with all that pixels decide."""
    listed = sum(len(one.told.objects) + len(one.told.unfit) for one in found.pictures)
    assert {one for picture in found.pictures for one in picture.told.unfit} <= set(found.unfit)
    for one in found.pictures:
        with Image.open(one.file.path) as opened:
            there = placed(one.told, opened.height, opened.width)
        assert there.reason or len(there.boxes) + len(there.unfit) == len(one.told.objects)
    return listed


@pytest.mark.parametrize("root", ["set", "set/train", "set/train/images"])
def test_a_root_may_be_a_part_of_a_set_of_yolo(tmp_path, root):
    """The names lie above it, and the labels may lie beside it."""
    write(tmp_path / "set", {"train/images/a.png": picture(), "train/labels/a.txt": "1 0.5 0.5 0.5 0.5"})
    write(tmp_path / "set", {"data.yaml": "names: [dog, cat]"})
    (said,) = outcome(tmp_path / root).values()
    assert said == CAT
    assert f"{tmp_path}/set/data.yaml" in {one.path for one in list_annotated(str(tmp_path / root)).annotations}


def test_pictures_of_voc_without_the_folder_above(tmp_path):
    write(tmp_path, {"JPEGImages/a.png": picture(), "Annotations/a.xml": voc(CAT)})
    assert outcome(tmp_path / "JPEGImages") == {"a.png": CAT}


def test_names_of_classes_can_be_named(tmp_path):
    write(tmp_path, {"set/a.png": picture(), "set/a.txt": "0 0.5 0.5 0.5 0.5", "names/my.yaml": "names: [cat]"})
    assert outcome(tmp_path / "set") == {"a.png": "0 10 5 30 15"}
    assert outcome(tmp_path / "set", str(tmp_path / "names/my.yaml")) == {"a.png": CAT}
