import json
import os

import pytest

from data.listing import class_counts, fingerprint, remember_sides
from data.settings import ImageSetSettings
from data.sources.dealing import is_validation
from data.sources.image_sets import list_image_set


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
        for image in "01":
            (roots / "one" / f"c{number}" / f"{image}.png").write_bytes(b"x")
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


def test_classes_of_images_alone_are_dealt_wherever_they_lie(roots):
    """40 classes of three roots, one of them two folders deep; each is dealt once, with all its images."""
    for number in range(5):
        folder = roots / "deep" / "photos" / "animals" / f"e{number}"
        folder.mkdir(parents=True)
        for image in range(2):
            (folder / f"{image}.png").write_bytes(b"x" * image)
    alone = ImageSetSettings(images=tuple(str(roots / name) for name in ("one", "two", "deep")))
    sides = classes(list_image_set(alone))
    every = {f"c{n}" for n in range(30)} | {f"d{n}" for n in range(5)} | {f"photos/animals/e{n}" for n in range(5)}
    assert set().union(*sides.values()) == every and sum(map(len, sides.values())) == 40
    assert 6 <= len(sides["test"]) <= 10 and 4 <= len(sides["val"]) <= 8
    assert sum(map(len, list_image_set(alone).splits.values())) == 30 * 2 + 5 * 3 + 5 * 2
    other = ImageSetSettings(images=tuple(str(roots / name) for name in ("deep", "two", "one")))
    assert classes(list_image_set(other)) == sides


def test_few_classes_of_images_alone_are_all_test_classes(roots):
    sides = classes(list_image_set(ImageSetSettings(images=(str(roots / "two"),))))
    assert sides == {"train": set(), "val": set(), "test": {"d0", "d1", "d2", "d3", "d4"}}


@pytest.fixture
def spans(tmp_path):
    """Spans 1 and 2 with classes c0..c11 and c6..c17 of 2 images each, of the same names; the third is empty."""
    for span, numbers in ((1, range(12)), (2, range(6, 18))):
        for number in numbers:
            folder = tmp_path / "photos" / f"span-{span}" / f"c{number}"
            folder.mkdir(parents=True)
            for image in range(2):
                (folder / f"{image}.png").write_bytes(b"x" * span)
    (tmp_path / "photos" / "span-3" / "c1").mkdir(parents=True)
    return tmp_path


def of_spans(root, **more):
    return ImageSetSettings(images=(f"{root}/photos/span-{{SPAN}}",), **more)


def test_spans_are_one_set_with_a_name_of_its_own_for_each_image(spans):
    listed = list_image_set(of_spans(spans))
    files = [file for one in listed.splits.values() for file in one]
    assert {file.class_name for file in files} == {f"c{number}" for number in range(18)}
    assert sorted(file.source_id for file in files if file.class_name == "c6") == [
        *("span-1/c6/0.png", "span-1/c6/1.png", "span-2/c6/0.png", "span-2/c6/1.png"),
    ]
    assert len({file.source_id for file in files}) == len(files) == 48


def test_a_window_of_spans(spans):
    listed = list_image_set(of_spans(spans, spans=2))
    assert {file.class_name for one in listed.splits.values() for file in one} == {f"c{n}" for n in range(6, 18)}
    with pytest.raises(ValueError, match="1 folders fit .* and none of them holds a class"):
        list_image_set(of_spans(spans, spans="newest"))


def test_sides_are_kept_over_spans(spans):
    first = of_spans(spans, sides=str(spans / "sides.json"))
    (spans / "photos" / "span-2").rename(spans / "later")
    before = list_image_set(first)
    remember_sides(first, before)
    (spans / "later").rename(spans / "photos" / "span-2")
    after = classes(list_image_set(first))
    assert all(names <= after[split] for split, names in classes(before).items())


def test_an_image_that_two_spans_link_to_is_refused(spans):
    os.link(spans / "photos/span-1/c0/0.png", spans / "photos/span-2/c6/7.png")
    with pytest.raises(ValueError, match=r"the span .*span-1' and the span .*span-2' hold the same file"):
        list_image_set(of_spans(spans))
