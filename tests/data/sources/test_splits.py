import json

import pytest

from data.sources.splits import check_disjoint, differ_by_case, split_lists

PLAIN = {"train": ["a/1", "a/2"], "test": ["b/1"]}


def written(tmp_path, content, name="splits.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def test_lists_of_a_file_and_of_a_named_split(tmp_path):
    assert split_lists(written(tmp_path, PLAIN)) == PLAIN
    both = written(tmp_path, {"one": PLAIN, "two": {**PLAIN, "val": ["c"]}})
    assert split_lists(f"{both}#two") == {**PLAIN, "val": ["c"]}
    assert split_lists(written(tmp_path, PLAIN, "a#b.json")) == PLAIN


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ({"lake": PLAIN, "vinyals": PLAIN}, "", "choose one of its named splits with '#': lake, vinyals"),
        ({"lake": PLAIN}, "#laek", r"has no split named 'laek': choose one of its named splits with '#': lake"),
        ({"train": ["a"]}, "", "it holds the keys train"),
        ([1, 2], "", "it holds a list"),
        ([1, 2], "#x", "has no split named 'x': it holds a list"),
        ({"train": "a", "test": ["b"]}, "", "it holds the keys train, test"),
        ({"train": [1], "test": ["b"]}, "", "should hold"),
        ({**PLAIN, "tset": []}, "", "it holds the keys train, test, tset"),
        ({"train": ["a", "b", "a"], "test": ["c"]}, "", "names 'a' more than once in 'train'"),
        ('{"train": [', "", "is not JSON .*: correct the file"),
    ],
)
def test_a_file_of_another_form_says_what_it_holds(tmp_path, content, name, message):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=message):
        split_lists(path + name)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.json' cannot be read \(No such file or directory\)"):
        split_lists(str(tmp_path / "nowhere.json#name"))
    (tmp_path / "picture.json").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match="it is not text"):
        split_lists(str(tmp_path / "picture.json"))


def test_a_class_on_two_sides():
    check_disjoint({"train": ["a", "b"], "test": ["c"]})
    with pytest.raises(
        ValueError, match="1 class stands in both train and test \\('b'\\): a class may be in one split"
    ):
        check_disjoint({"train": ["a", "b"], "val": [], "test": ["c", "b"]})
    with pytest.raises(ValueError, match=r"4 classes stand in both val and test \('0', '1', '2', ...\)"):
        check_disjoint({"val": map(str, range(4)), "test": map(str, range(9))})


def test_names_that_only_case_tells_apart():
    names = ["oak", "Oak", "OAK", "elm", "a/Ash", "A/ash", "ash"]
    assert differ_by_case(names) == [["A/ash", "a/Ash"], ["OAK", "Oak", "oak"]]
    assert differ_by_case(["oak", "oaks", "o a k"]) == []
