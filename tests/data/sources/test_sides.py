"""No file may be on two sides, by whichever path it is read."""

import json
import os
import uuid

import pytest

from data.settings import ImageSetSettings
from data.sources.folders import ImageFile
from data.sources.image_sets import list_image_set, list_roots
from data.sources.sides import check_shared


def write(root, *classes, images=2):
    for name in classes:
        (root / name).mkdir(parents=True)
        for number in range(images):
            (root / name / f"{number}.png").write_bytes(f"{name} {number}".encode())


@pytest.fixture
def sides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "train", "ash", "oak")
    write(tmp_path / "test", "elm", "fir")
    return tmp_path


def listed(train="train", test="test", **more):
    return list_image_set(ImageSetSettings(train_dir=train, test_dir=test, **more))


def refused(*said, **settings):
    with pytest.raises(ValueError) as error:
        listed(**settings)
    assert all(part in str(error.value) for part in said), error.value


def test_sides_of_their_own(sides):
    assert {split: len(files) for split, files in listed(validation_split=1e-9).splits.items()} == {
        "train": 4, "val": 0, "test": 4
    }  # fmt: skip


def test_a_side_inside_the_other(sides):
    os.rename("test", "train/test")
    refused(
        "train_dir 'train' and test_dir 'train/test' hold the same 4 files, such as 'train/test/elm/0.png'",
        test="train/test",
    )


def test_a_side_inside_a_validation_folder(sides):
    write(sides / "val", "yew")
    os.rename("test", "val/test")
    refused("val_dir 'val' and test_dir 'val/test' hold the same 4 files", test="val/test", val_dir="val")


def test_a_hidden_side_inside_the_other_is_none_of_it(sides):
    os.rename("test", "train/.test")
    assert len(listed(test="train/.test").splits["test"]) == 4


@pytest.mark.parametrize("other", ["train", "./train/", "train/../train", "link", "deep/link"])
def test_one_folder_by_two_names(sides, other):
    os.mkdir("deep")
    os.symlink("train", "link")
    os.symlink("../train", "deep/link")
    refused("train_dir 'train'", f"test_dir {other!r} hold the same 4 files", test=other)


def test_a_link_below_the_roots(sides):
    os.symlink("../train/oak", "test/tree")
    refused("such as 'train/oak/0.png', which is 'test/tree/0.png'")


def test_one_folder_elsewhere_as_a_class_of_both(sides):
    write(sides / "elsewhere", "yew")
    os.symlink("../elsewhere/yew", "train/one")
    os.symlink("../elsewhere", "test/other")
    refused("hold the same 2 files, such as 'train/one/0.png', which is 'test/other/yew/0.png'")


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_linked_file(sides, link):
    link(os.path.abspath("train/oak/1.png"), "test/elm/9.png")
    refused("hold the same file, such as 'train/oak/1.png', which is 'test/elm/9.png'")


def test_a_copy_is_another_file(sides):
    (sides / "test/elm/9.png").write_bytes((sides / "train/oak/1.png").read_bytes())
    assert len(listed().splits["test"]) == 5  # its picture is reported as a leak once it is read


def test_links_to_nothing_are_not_the_same_file(sides):
    os.symlink("nowhere", "train/oak/9.png")
    os.symlink("nowhere", "test/elm/9.png")
    assert len(listed().splits["test"]) == 5


def test_a_drive_that_numbers_its_files_anew():
    """The same number, but another size or time of change: two files."""
    one = ImageFile("oak", "oak/1.png", "a/oak/1.png", 10, 5, "7:1")
    check_shared([("one", [one]), ("other", [one._replace(path="b/1.png", size=11)])])
    with pytest.raises(ValueError, match="'a/oak/1.png', which is 'b/1.png'"):
        check_shared([("one", [one]), ("other", [one._replace(path="b/1.png")])])


def test_roots_of_class_lists(sides):
    os.symlink("train", "again")
    lists = {"train": ["ash"], "val": ["oak"], "test": ["elm", "fir"]}
    (sides / "lists.json").write_text(json.dumps(lists))
    named = {"splits": "lists.json", "images": ("train", "test")}
    assert list_image_set(ImageSetSettings(**named)).splits.keys() == lists.keys()
    with pytest.raises(ValueError, match="the root 'train' and the root 'again' hold the same 4 files"):
        list_image_set(ImageSetSettings(**named | {"images": ("train", "test", "again")}))
    os.symlink("../../train/ash/0.png", "test/elm/9.png")
    with pytest.raises(ValueError, match="the root 'train' and the root 'test' hold the same file"):
        list_image_set(ImageSetSettings(**named))


def test_a_root_inside_another_matters_only_where_both_are_used(sides):
    os.rename("test", "train/test")
    (sides / "lists.json").write_text(json.dumps({"train": ["ash", "oak"], "test": ["elm", "fir"]}))
    settings = ImageSetSettings(images=("train", "train/test"), splits="lists.json")
    assert len(list_image_set(settings).splits["test"]) == 4


def test_linked_files_of_two_classes_on_two_sides_of_class_lists(sides):
    os.link("train/ash/0.png", "train/oak/9.png")
    (sides / "lists.json").write_text(json.dumps({"train": ["ash"], "test": ["oak"]}))
    with pytest.raises(
        ValueError, match="the train classes of 'lists.json' and the test classes of 'lists.json' hold the same"
    ):
        list_image_set(ImageSetSettings(images=("train",), splits="lists.json"))


def test_folders_without_sides(sides):
    os.symlink("test", "again")
    assert len(list_roots(["train", "test"]).files) == 8
    with pytest.raises(ValueError, match="the folder 'test' and the folder 'again' hold the same 4 files"):
        list_roots(["test", "again"])


def test_remote_sides_are_compared_by_their_paths():
    import tensorflow as tf

    root = f"ram://{uuid.uuid4().hex}"
    for name in ("train/oak/1.png", "train/test/elm/1.png"):
        tf.io.gfile.makedirs(f"{root}/{os.path.dirname(name)}")
        with tf.io.gfile.GFile(f"{root}/{name}", "wb") as file:
            file.write(b"12345")
    refused("hold the same file", f"{root}/train/test/elm/1.png", train=f"{root}/train", test=f"{root}/train/test/")
