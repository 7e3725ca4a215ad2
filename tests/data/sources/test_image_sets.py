import json
import os

import pytest

from data.settings import ImageSetSettings
from data.sources.image_sets import class_counts, fingerprint, list_image_set
from data.sources.splits import is_validation


@pytest.fixture
def roots(tmp_path):
    """Two roots: `one` with classes c0..c29 of 2 images, `two` with d0..d4 of 3."""
    for root, letter, classes, images in (("one", "c", 30, 2), ("two", "d", 5, 3)):
        for number in range(classes):
            folder = tmp_path / root / f"{letter}{number}"
            folder.mkdir(parents=True)
            for image in range(images):
                (folder / f"{image}.png").write_bytes(b"x" * image)
    return tmp_path


def folders(roots, **more):
    return ImageSetSettings(train_dir=str(roots / "one"), test_dir=str(roots / "two"), **more)


def lists(roots, content, *names):
    path = roots / "splits.json"
    path.write_text(json.dumps(content))
    return ImageSetSettings(images=tuple(str(roots / name) for name in names), splits=str(path))


def classes(image_set):
    return {split: {file.class_name for file in files} for split, files in image_set.splits.items()}


def test_validation_is_carved_from_the_classes_of_train(roots):
    sides = classes(list_image_set(folders(roots, validation_split=0.3)))
    every = {f"c{number}" for number in range(30)}
    assert sides["val"] == {name for name in every if is_validation(name, 0.3)}
    assert sides["train"] == every - sides["val"]
    assert sides["val"]
    assert sides["test"] == {"d0", "d1", "d2", "d3", "d4"}


def test_no_class_changes_side_when_others_arrive(roots):
    before = classes(list_image_set(folders(roots, validation_split=0.3)))
    for number in range(30, 60):
        (roots / "one" / f"c{number}").mkdir()
        (roots / "one" / f"c{number}" / "1.png").write_bytes(b"x")
    after = classes(list_image_set(folders(roots, validation_split=0.3)))
    assert before["train"] < after["train"]
    assert before["val"] < after["val"]


def test_a_validation_folder_is_taken_as_it_is(roots):
    (roots / "three" / "e").mkdir(parents=True)
    (roots / "three" / "e" / "1.png").write_bytes(b"x")
    sides = classes(list_image_set(folders(roots, val_dir=str(roots / "three"))))
    assert sides["val"] == {"e"}
    assert len(sides["train"]) == 30


def test_lists_find_their_classes_in_any_root(roots):
    settings = lists(roots, {"train": ["c1", "d1"], "val": ["d0"], "test": ["c0"]}, "one", "two")
    assert class_counts(settings) == {
        "train": [("c1", "c1", 2), ("d1", "d1", 3)],
        "val": [("d0", "d0", 3)],
        "test": [("c0", "c0", 2)],
    }


def test_a_class_in_two_roots_has_the_images_of_both(roots):
    (roots / "two" / "c1").mkdir()
    (roots / "two" / "c1" / "0.png").write_bytes(b"y")
    files = list_image_set(lists(roots, {"train": ["c1"], "val": ["d0"], "test": ["c0"]}, "one", "two")).splits["train"]
    assert [file.source_id for file in files] == ["c1/0.png", "c1/0.png@2", "c1/1.png"]
    assert files[1].path == str(roots / "two" / "c1" / "0.png")


def test_missing_classes_are_counted_and_named(roots):
    content = {"train": ["c1", "x1", "x2", "x3", "x4"], "val": ["d0"], "test": ["c0"]}
    message = (
        r"4 of the 7 classes in .*splits.json' are in none of the roots .* \('x1', 'x2', 'x3', ...\).*correct the names"
    )
    with pytest.raises(ValueError, match=message):
        list_image_set(lists(roots, content, "one", "two"))


def test_a_class_on_two_sides_of_folders_or_lists(roots):
    (roots / "two" / "c3").mkdir()
    (roots / "two" / "c3" / "1.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"1 class stands in both \w+ and test \('c3'\)"):
        list_image_set(folders(roots))
    with pytest.raises(ValueError, match=r"1 class stands in both train and val \('c1'\)"):
        list_image_set(lists(roots, {"train": ["c1", "c2"], "val": ["c1"], "test": ["c0"]}, "one"))


def test_the_fingerprint_follows_every_image(roots):
    settings = folders(roots)
    seen = [fingerprint(settings)]
    assert fingerprint(settings) == seen[0]
    (roots / "one" / "c1" / "0.png").write_bytes(b"longer")
    seen.append(fingerprint(settings))
    status = os.stat(roots / "two" / "d1" / "0.png")
    os.utime(roots / "two" / "d1" / "0.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen.append(fingerprint(settings))
    (roots / "two" / "d1" / "0.png").rename(roots / "two" / "d1" / "9.png")
    seen.append(fingerprint(settings))
    (roots / "two" / "d1" / "9.png").unlink()
    seen.append(fingerprint(settings))
    (roots / "two" / "d1" / ".hidden").write_bytes(b"x")
    assert fingerprint(settings) == seen[-1]
    assert len(set(seen)) == 5
