import os
import re

import pytest

from data.sources import tree
from data.sources.folders import list_folder
from data.sources.tree import Again, read_tree


def touch(path, content=b"12345"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def files(read):
    return sorted(file.relative for folder in read.folders for file in folder.files)


def test_a_tree_worked_out_by_hand(tmp_path):
    for name in ("a/1", "a/b/2", "a/.git/objects/3", "a/.git/4", "a/.DS_Store", "5"):
        touch(tmp_path / name)
    (tmp_path / "empty").mkdir()
    read = read_tree(str(tmp_path))
    assert [(one.relative, [file.relative for file in one.files], one.leaf) for one in read.folders] == [
        ("", ["5"], False),
        ("a", ["a/1"], False),
        ("a/b", ["a/b/2"], True),
        ("empty", [], True),
    ]
    assert read.litter == {"a/.git": 2, "a/.DS_Store": 1} and read.again == []
    status = os.stat(tmp_path / "a" / "1")
    (file,) = read.folders[1].files
    assert (file.path, file.size, file.mtime_ns) == (str(tmp_path / "a" / "1"), 5, status.st_mtime_ns)


def test_links_are_followed_but_not_in_circles(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root / "oak" / "1.png")
    touch(elsewhere / "1.png")
    (root / "elm").symlink_to(elsewhere)  # a class that lies elsewhere
    (root / "oak" / "loop").symlink_to(root)  # back to the root
    (root / "again").symlink_to(root / "oak")  # listed where it lies
    (elsewhere / "self").symlink_to(elsewhere)  # a circle outside the root
    (root / "oak" / "own").symlink_to("own")  # a link to itself
    read = read_tree(str(root))
    assert files(read) == ["elm/1.png", "oak/1.png", "oak/own"]
    assert sorted(read.again) == [
        Again("again", "oak", True), Again("elm/self", "elm", True), Again("oak/loop", "", True)
    ]  # fmt: skip


def test_a_link_to_above_the_root_reads_nothing_twice(tmp_path):
    touch(tmp_path / "root" / "oak" / "1.png")
    touch(tmp_path / "beside" / "2.png")
    (tmp_path / "root" / "oak" / "up").symlink_to(tmp_path)
    read = read_tree(str(tmp_path / "root"))
    assert files(read) == ["oak/1.png", "oak/up/beside/2.png"]
    assert read.again == [Again("oak/up/root", "", True)]


def test_circles_through_several_links_end(tmp_path):
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        touch(tmp_path / one / "1.png")
        (tmp_path / one / "next").symlink_to(tmp_path / other)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "first").symlink_to(tmp_path / "a")
    read = read_tree(str(tmp_path / "root"))
    assert files(read) == ["first/1.png", "first/next/1.png", "first/next/next/1.png"]
    assert read.again == [Again("first/next/next/next", "first", True)]


def test_two_links_to_one_folder_outside_are_told_apart_from_harmless_ones(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "root").mkdir()
    for name in "ab":
        (tmp_path / "root" / name).symlink_to(tmp_path / "elsewhere")
    read = read_tree(str(tmp_path / "root"))
    assert files(read) == ["a/1.png"] and read.again == [Again("b", "a", False)]


def test_one_file_has_one_identity(tmp_path):
    touch(tmp_path / "1")
    touch(tmp_path / "2")
    (tmp_path / "link").symlink_to(tmp_path / "1")
    os.link(tmp_path / "1", tmp_path / "hard")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (folder,) = read_tree(str(tmp_path)).folders
    by_name = {file.relative: file.identity for file in folder.files}
    assert by_name["1"] == by_name["link"] == by_name["hard"] != by_name["2"]
    assert by_name["dangling"] == ""


def test_order_depends_on_names_alone(tmp_path, monkeypatch):
    for number in range(20):
        touch(tmp_path / f"c{number % 3}" / f"{number}.png")
    for number in range(5):
        (tmp_path / f"link {number}").symlink_to(tmp_path / "c0")
    expected = read_tree(str(tmp_path))
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.entries = list(scandir(path))[::-1]

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(tree.os, "scandir", Backwards)
    assert read_tree(str(tmp_path)) == expected


def test_a_root_that_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere' does not exist: correct the path"):
        read_tree(str(tmp_path / "nowhere"))
    touch(tmp_path / "file")
    with pytest.raises(ValueError, match=r"file' is a file: correct the path"):
        read_tree(str(tmp_path / "file"))


@pytest.mark.parametrize("name", ["oak", "lost+found"])
def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch, name):
    touch(tmp_path / name / "1.png")
    scandir = os.scandir

    def refuse(path):  # permissions do not bind root, who runs tests in containers
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(tree.os, "scandir", refuse)
    if name == "lost+found":  # litter, which nobody may read
        assert read_tree(str(tmp_path)).litter == {"lost+found": 0}
        return
    said = "cannot be read (Permission denied): make it readable or remove it"
    read = read_tree(str(tmp_path))
    assert read.closed == {"oak": said} and [folder.relative for folder in read.folders] == [""]
    with pytest.raises(ValueError, match=re.escape(f"oak' {said}")):
        read_tree(str(tmp_path / "oak"))
    with pytest.raises(ValueError, match=re.escape(f"oak' {said}")):
        list_folder(str(tmp_path))
