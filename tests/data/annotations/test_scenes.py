"""Images with boxes are dealt to sides so that nothing of a test class is seen in training."""

import json

import pytest

from data.annotations.scenes import UNANNOTATED, list_scenes, read_annotation
from data.settings import ImageSetSettings

SIX = {  # of each picture, the classes of its objects
    "1.png": ["oak"],
    "2.png": ["oak", "elm"],
    "3.png": ["elm", "ash"],
    "4.png": ["ash", "oak"],
    "5.png": [],
    "6.png": ["ash", "elm", "oak"],
}


def write(root, pictures, ignored=()):
    """A COCO set of files that are no pictures: a listing opens none."""
    root.mkdir(parents=True)
    names = sorted({name for classes in pictures.values() for name in classes})
    images, boxes = [], []
    for number, (file, classes) in enumerate(pictures.items()):
        (root / file).write_bytes(b"x" * (number + 1))
        images.append({"id": number, "file_name": file, "height": 10, "width": 10})
        for place, name in enumerate(classes):
            crowd = int((file, name) in ignored)
            box = {"id": len(boxes), "image_id": number, "category_id": names.index(name), "iscrowd": crowd}
            boxes.append(box | {"bbox": [place, 0, 3, 3]})
    categories = [{"id": place, "name": name} for place, name in enumerate(names)]
    content = {"images": images, "annotations": boxes, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    return str(root)


def listed(tmp_path, lists, pictures=SIX, **more):
    (tmp_path / "splits.json").write_text(json.dumps(lists))
    root = write(tmp_path / "pictures", pictures, **more)
    return list_scenes(ImageSetSettings(kind="detection", images=(root,), splits=str(tmp_path / "splits.json")))


def sides(found):
    return {split: [file.source_id for file in files] for split, files in found.splits.items()}


def test_sides_worked_out_by_hand(tmp_path):
    found = listed(tmp_path, {"train": ["oak"], "val": ["elm"], "test": ["ash"]})
    assert sides(found) == {"train": ["1.png", "5.png"], "val": ["2.png"], "test": ["3.png", "4.png", "6.png"]}
    counts = {split: dict(one) for split, one in found.classes.items()}
    assert counts == {"train": {"oak": 1}, "val": {"elm": 1}, "test": {"ash": 3}}
    strangers = [sorted(read_annotation(file.annotation).strangers) for file in found.splits["test"]]
    assert strangers == [["elm"], ["oak"], ["elm", "oak"]]


def test_an_annotation_comes_back_as_it_was(tmp_path):
    found = listed(tmp_path, {"train": ["oak"], "val": ["elm"], "test": ["ash"]})
    told = read_annotation(found.splits["val"][0].annotation).told
    assert [(one.class_name, one.xmin) for one in told.objects] == [("oak", 0), ("elm", 1)]
    assert (told.height, told.width, told.names[0]) == (10, 10, "2.png")


def test_a_crowd_makes_no_class(tmp_path):
    """Of an ash that only a crowd shows, nobody can make an episode; its picture stays out of the training all the same."""
    pictures = {"1.png": ["oak"], "2.png": ["oak", "ash"], "3.png": ["elm"], "4.png": ["ash"]}
    lists = {"train": ["oak"], "val": ["elm"], "test": ["ash"]}
    found = listed(tmp_path, lists, pictures, ignored=[("2.png", "ash")])
    assert sides(found)["test"] == ["2.png", "4.png"] and found.classes["test"] == {"ash": 1}


def test_folders_and_classes_that_are_on_both_sides(tmp_path):
    train = {f"{number}.png": [name] for number, name in enumerate(("oak", "elm", "yew", "fir"))} | {"5.png": []}
    folders = {"train": train, "val": {"a.png": ["box", "oak"], "b.png": []}}
    folders["test"] = {"x.png": ["ash", "oak"], "y.png": ["oak"]}
    named = {f"{side}_dir": write(tmp_path / side, pictures) for side, pictures in folders.items()}
    found = list_scenes(ImageSetSettings(kind="detection", **named))
    assert sides(found)["val"] == ["a.png", "b.png"] and sides(found)["test"] == ["x.png", "y.png"]
    assert found.classes["test"] == {"ash": 1} and found.classes["val"] == {"box": 1}
    assert read_annotation(found.splits["test"][1].annotation).strangers == {"oak"}


def test_a_test_folder_needs_classes_of_its_own(tmp_path):
    train, test = (write(tmp_path / name, {"1.png": ["oak"], "2.png": ["elm"]}) for name in ("train", "test"))
    with pytest.raises(ValueError, match="all 2 classes of the test set .* are in the train"):
        list_scenes(ImageSetSettings(kind="detection", train_dir=train, test_dir=test))


def test_a_picture_without_annotation_is_passed_over(tmp_path):
    names = ("oak", "elm", "ash", "yew", "fir", "box", "may", "bay")
    root = write(tmp_path / "pictures", {f"{name}.png": [name] for name in names})
    (tmp_path / "pictures" / "unseen.png").write_bytes(b"y")
    found = list_scenes(ImageSetSettings(kind="detection", images=(root,)))
    assert found.passed_over[UNANNOTATED] == 1 and not found.rejected


def test_a_class_in_the_lists_must_have_an_object(tmp_path):
    with pytest.raises(ValueError, match=r"1 classes in .* have no object \('yew'\)"):
        listed(tmp_path, {"train": ["oak"], "val": ["elm"], "test": ["yew"]})
