import os
import uuid

import pytest

from data.sources import folders
from data.sources.folders import list_folder


def touch(path, content=b"12345"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def names(listing):
    return [(file.class_name, file.source_id) for file in listing.files]


def test_a_class_is_a_folder_that_directly_holds_images(tmp_path):
    for name in ("Angelic/character02/b.png", "Angelic/character02/a.png", "Angelic/character01/a.png", "oak/1.JPG"):
        touch(tmp_path / name)
    touch(tmp_path / "notes" / "read.me")
    touch(tmp_path / "LICENSE")
    (tmp_path / "empty").mkdir()
    listing = list_folder(str(tmp_path))
    assert names(listing) == [
        ("Angelic/character01", "Angelic/character01/a.png"),
        ("Angelic/character02", "Angelic/character02/a.png"),
        ("Angelic/character02", "Angelic/character02/b.png"),
        ("oak", "oak/1.JPG"),
    ]
    assert listing.rejected == []
    assert listing.files[0].path == str(tmp_path / "Angelic" / "character01" / "a.png")
    assert listing.files[0].size == 5
    assert listing.files[0].mtime_ns == os.stat(listing.files[0].path).st_mtime_ns


def test_every_file_of_a_class_is_a_candidate_but_hidden_ones(tmp_path):
    for name in ("oak/1.png", "oak/2", "oak/3.txt", "oak/.DS_Store", "oak/Thumbs.db", ".cache/x/1.png"):
        touch(tmp_path / name)
    assert [source for _, source in names(list_folder(str(tmp_path)))] == ["oak/1.png", "oak/2", "oak/3.txt"]


def test_a_class_may_lie_inside_a_class(tmp_path):
    touch(tmp_path / "tree" / "1.png")
    touch(tmp_path / "tree" / "oak" / "1.png")
    assert names(list_folder(str(tmp_path))) == [("tree", "tree/1.png"), ("tree/oak", "tree/oak/1.png")]


@pytest.mark.parametrize(
    "name", ["a b", "it's", 'say "x"', "日本語/字", "ñandú", "x" * 200, "a\\b", "a#b", "50%", "[ab]*?"]
)
def test_any_name_will_do(tmp_path, name):
    touch(tmp_path / name / f"{name.replace('/', '-')[:190]}.png")
    (file,) = list_folder(str(tmp_path)).files
    assert file.class_name == name
    assert os.path.exists(file.path)


def test_decomposed_accents_name_the_same_class(tmp_path):
    touch(tmp_path / "e\u0301" / "1.png")  # as macOS writes it
    assert list_folder(str(tmp_path)).files[0].class_name == "é"


def test_names_that_are_no_utf8_are_set_aside(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    with open(os.fsencode(tmp_path / "oak") + b"/\xff.png", "wb"):
        pass
    listing = list_folder(str(tmp_path))
    assert len(listing.files) == 1
    assert [(one.path, one.reason) for one in listing.rejected] == [
        (str(tmp_path / "oak" / "\\udcff.png"), "the name is not UTF-8")
    ]


def test_images_directly_in_the_root_are_set_aside(tmp_path):
    touch(tmp_path / "stray.png")
    touch(tmp_path / "oak" / "1.png")
    listing = list_folder(str(tmp_path))
    assert names(listing) == [("oak", "oak/1.png")]
    assert [one.reason for one in listing.rejected] == ["lies directly in the root, in no class folder"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root / "oak" / "1.png")
    touch(elsewhere / "1.png")
    (root / "elm").symlink_to(elsewhere)  # a class that lies elsewhere
    (root / "oak" / "loop").symlink_to(root)  # back to the root
    (root / "again").symlink_to(root / "oak")  # listed where it lies
    (elsewhere / "self").symlink_to(elsewhere)  # a circle outside the root
    (root / "oak" / "own").symlink_to("own")  # a link to itself
    listing = list_folder(str(root))
    assert names(listing) == [("elm", "elm/1.png"), ("oak", "oak/1.png"), ("oak", "oak/own")]


def test_a_linked_image_is_an_image_and_a_dangling_link_a_candidate(tmp_path):
    touch(tmp_path / "real.png", b"123")
    touch(tmp_path / "root" / "oak" / "0.png")
    (tmp_path / "root" / "oak" / "1.png").symlink_to(tmp_path / "real.png")
    (tmp_path / "root" / "oak" / "2.png").symlink_to(tmp_path / "nowhere.png")
    assert [file.size for file in list_folder(str(tmp_path / "root")).files] == [5, 3, 0]


def test_order_depends_on_names_alone(tmp_path, monkeypatch):
    for number in range(20):
        touch(tmp_path / f"c{number % 3}" / f"{number}.png")
    expected = list_folder(str(tmp_path))
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.entries = list(scandir(path))[::-1]

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(folders.os, "scandir", Backwards)
    assert list_folder(str(tmp_path)) == expected


@pytest.mark.parametrize("make", [lambda root: root.mkdir(), lambda root: touch(root / "a" / "b" / "notes.txt")])
def test_a_root_without_a_class(tmp_path, make):
    make(tmp_path / "root")
    with pytest.raises(
        ValueError, match=r"root' holds no class: a class is a folder below it that directly holds images"
    ):
        list_folder(str(tmp_path / "root"))


def test_a_root_that_holds_only_loose_images(tmp_path):
    touch(tmp_path / "1.png")
    with pytest.raises(ValueError, match="images directly in it belong to no class"):
        list_folder(str(tmp_path))


def test_a_root_that_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere' does not exist: correct the path"):
        list_folder(str(tmp_path / "nowhere"))
    touch(tmp_path / "file")
    with pytest.raises(ValueError, match=r"file' is a file: correct the path"):
        list_folder(str(tmp_path / "file"))


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    touch(tmp_path / "oak" / "1.png")
    scandir = os.scandir

    def refuse(path):  # permissions do not bind root, who runs tests in containers
        if str(path).endswith("oak"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(folders.os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"oak' cannot be read \(Permission denied\): make it readable or remove it"):
        list_folder(str(tmp_path))


def test_remote_folders_are_listed_as_local_ones(tmp_path):
    import tensorflow as tf

    root = f"ram://{uuid.uuid4().hex}"
    for name in ("Angelic/character01/a.png", "Angelic/character01/b.png", "oak/1.png", "notes/read.me", ".x/1.png"):
        touch(tmp_path / name)
        tf.io.gfile.makedirs(f"{root}/{os.path.dirname(name)}")
        with tf.io.gfile.GFile(f"{root}/{name}", "wb") as file:
            file.write(b"12345")
    local, remote = list_folder(str(tmp_path)), list_folder(f"{root}/")
    assert names(local) == names(remote)
    assert [file.size for file in remote.files] == [5, 5, 5]
    assert remote.files[0].path == f"{root}/Angelic/character01/a.png"
    with pytest.raises(ValueError, match="nowhere' is not a folder: correct the path"):
        list_folder(f"{root}/nowhere")
