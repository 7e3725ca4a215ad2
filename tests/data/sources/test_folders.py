import os
import struct
import uuid

import pytest

from data.sources import folders
from data.sources.folders import list_folder, list_images

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
HEIC = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic"


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


def test_every_file_of_a_class_is_a_candidate_but_litter(tmp_path):
    for name in ("oak/1.png", "oak/2", "oak/3.txt", "oak/.DS_Store", "oak/Thumbs.db", ".cache/x/1.png"):
        touch(tmp_path / name)
    listing = list_folder(str(tmp_path))
    assert [source for _, source in names(listing)] == ["oak/1.png", "oak/2", "oak/3.txt"]
    assert listing.passed_over == passed(tmp_path, {".cache": 1, "oak/.DS_Store": 1, "oak/Thumbs.db": 1})


def passed(root, counts):
    return {f"{root}/{name}": count for name, count in counts.items()}


@pytest.mark.parametrize(
    "name", ["IMG_1", "IMG_1.jpg?w=500", "1.png~", "9e107d9d372bb6826bd81d3542a419d6.3f", "1.png.1", "no. 5", "x.part"]
)
@pytest.mark.parametrize("content", [PNG, HEIC])
def test_where_no_suffix_is_known_the_content_makes_a_class(tmp_path, name, content):
    touch(tmp_path / "ash" / "1.png")
    touch(tmp_path / "oak" / "a note", b"the good ones")
    touch(tmp_path / "oak" / name, content)
    listing = list_folder(str(tmp_path))
    assert names(listing) == [("ash", "ash/1.png"), *sorted([("oak", "oak/a note"), ("oak", f"oak/{name}")])]
    assert listing.passed_over == {}


@pytest.mark.parametrize("suffix", [".HEIF", ".avif", ".TIFF", ".jxl"])
def test_a_suffix_of_a_format_that_is_not_read_makes_a_class(tmp_path, suffix):
    touch(tmp_path / "oak" / f"1{suffix}", b"anything")
    assert names(list_folder(str(tmp_path))) == [("oak", f"oak/1{suffix}")]


def test_what_holds_no_picture_is_passed_over_with_its_count(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    touch(tmp_path / "LICENSE")
    for name in ("notes/README.md", "notes/labels.csv", "notes/old/more.txt", "notes/empty.jpg~"):
        touch(tmp_path / name, b"" if "empty" in name else b"text")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "only" / "folders").mkdir(parents=True)
    assert list_folder(str(tmp_path)).passed_over == passed(
        tmp_path, {"*": 1, "notes/*": 3, "notes/old": 1, "nothing": 0, "only/folders": 0}
    )


def test_a_folder_of_litter_alone_is_told_as_empty(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    touch(tmp_path / "elm" / "._1.png")
    touch(tmp_path / "elm" / "@eaDir" / "1.png" / "THUMB.jpg")
    assert list_folder(str(tmp_path)).passed_over == passed(tmp_path, {"elm": 0, "elm/._*": 1, "elm/@eaDir": 1})


def test_no_more_is_read_than_has_to_be(tmp_path, monkeypatch):
    """Reading a remote file costs a request: none where a suffix decides, and no more than up to the first image."""
    for number in range(200):
        touch(tmp_path / "named" / f"{number}.png")
        touch(tmp_path / "hashes" / f"{number:03}", PNG)
    read = []
    begins = folders._begins_as_image
    monkeypatch.setattr(folders, "_begins_as_image", lambda path: read.append(path) or begins(path))
    assert len(list_folder(str(tmp_path)).files) == 400
    assert read == [str(tmp_path / "hashes" / "000")]
    monkeypatch.setattr(folders, "is_remote", lambda path: "hashes" in path)
    read.clear()
    monkeypatch.setattr(folders, "_begins_as_image", lambda path: read.append(path) or True)
    list_folder(str(tmp_path))
    assert 0 < len(read) <= folders.REMOTE_REQUESTS


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


def test_a_name_that_is_no_utf8_has_its_reason_and_its_class(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    for name in (b"oak/\xff.png", b"\xe9/1.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass
    listing = list_folder(str(tmp_path))
    assert [(file.class_name, file.path, file.reason) for file in listing.files] == [
        ("\\udce9", f"{tmp_path}/\\udce9/1.png", "the name is not UTF-8"),
        ("oak", f"{tmp_path}/oak/1.png", ""),
        ("oak", f"{tmp_path}/oak/\\udcff.png", "the name is not UTF-8"),
    ]


def test_what_is_passed_over_is_escaped_too(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    os.makedirs(os.fsencode(tmp_path) + b"/\xe9")
    assert list_folder(str(tmp_path)).passed_over == {f"{tmp_path}/\\udce9": 0}


def test_a_root_that_is_no_utf8(tmp_path):
    with pytest.raises(ValueError, match=r"the name of the folder .*\\udce9' is not UTF-8: rename it"):
        list_folder(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))


def test_a_pipe_is_no_image(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    os.mkfifo(tmp_path / "oak" / "2.png")
    os.mkfifo(tmp_path / "pipe")  # opened, it would wait forever
    listing = list_folder(str(tmp_path))
    assert [file.reason for file in listing.files] == ["", "is not a file but a pipe, a socket or a device"]
    assert listing.passed_over == {f"{tmp_path}/*": 1}


def test_images_directly_in_the_root_are_set_aside(tmp_path):
    touch(tmp_path / "stray.png")
    touch(tmp_path / "oak" / "1.png")
    listing = list_folder(str(tmp_path))
    assert names(listing) == [("oak", "oak/1.png")]
    assert [one.reason for one in listing.rejected] == ["lies directly in the root, in no class folder"]


def test_a_linked_image_is_an_image_and_a_dangling_link_a_candidate(tmp_path):
    touch(tmp_path / "real.png", b"123")
    touch(tmp_path / "root" / "oak" / "0.png")
    (tmp_path / "root" / "oak" / "1.png").symlink_to(tmp_path / "real.png")
    (tmp_path / "root" / "oak" / "2.png").symlink_to(tmp_path / "nowhere.png")
    assert [file.size for file in list_folder(str(tmp_path / "root")).files] == [5, 3, 0]


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


def test_two_links_to_one_folder_are_no_two_classes(tmp_path):
    touch(tmp_path / "root" / "ash" / "1.png")
    touch(tmp_path / "elsewhere" / "1.png")
    for name in ("oak", "elm"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"root/elm' and '.*root/oak' are links to the same folder"):
        list_folder(str(tmp_path / "root"))
    assert len(list_images(str(tmp_path / "root")).files) == 2  # queries have no class: each is asked once


def test_a_link_to_a_part_of_a_linked_folder(tmp_path):
    touch(tmp_path / "elsewhere" / "oak" / "1.png")
    touch(tmp_path / "root" / "ash" / "1.png")
    (tmp_path / "root" / "trees").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "mine").symlink_to(tmp_path / "elsewhere" / "oak")
    with pytest.raises(ValueError, match=r"root/mine' and '.*root/trees/oak' are links to the same folder"):
        list_folder(str(tmp_path / "root"))


def test_two_links_to_one_folder_of_notes_do_no_harm(tmp_path):
    touch(tmp_path / "root" / "ash" / "1.png")
    touch(tmp_path / "elsewhere" / "notes.txt")
    for name in ("oak", "elm"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "elsewhere")
    assert list_folder(str(tmp_path / "root")).passed_over == passed(tmp_path / "root", {"elm": 1, "oak": 0})


def test_a_link_into_the_root_is_told(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    (tmp_path / "again").symlink_to(tmp_path / "oak")
    listing = list_folder(str(tmp_path))
    assert names(listing) == [("oak", "oak/1.png")] and listing.passed_over == {f"{tmp_path}/again": 0}


def test_a_class_linked_from_a_hidden_store_is_a_class(tmp_path):
    """As tools that keep versions of data lay it out: the link leads below the root, to where nothing is listed."""
    touch(tmp_path / ".store" / "oak" / "1.png")
    (tmp_path / "oak").symlink_to(tmp_path / ".store" / "oak")
    assert names(list_folder(str(tmp_path))) == [("oak", "oak/1.png")]


def test_remote_folders_are_listed_as_local_ones(tmp_path):
    import tensorflow as tf

    root = f"ram://{uuid.uuid4().hex}"
    contents = dict.fromkeys(("Angelic/character01/a.png", "Angelic/character01/b.png", "oak/1.png"), b"12345")
    contents |= {"hashes/d41d8c": PNG, "hashes/9e107d": b"text", "notes/read.me": b"text", "notes/old/1.txt": b"text"}
    contents |= dict.fromkeys((".x/1.png", "oak/@eaDir/1.png/a.jpg", "oak/@eaDir/b.jpg", "oak/._1.png"), b"12345")
    for name, content in contents.items():
        touch(tmp_path / name, content)
        tf.io.gfile.makedirs(f"{root}/{os.path.dirname(name)}")
        with tf.io.gfile.GFile(f"{root}/{name}", "wb") as file:
            file.write(content)
    local, remote = list_folder(str(tmp_path)), list_folder(f"{root}/")
    assert names(local) == names(remote) and ("hashes", "hashes/9e107d") in names(remote)
    assert [file.size for file in remote.files] == [5, 5, 4, len(PNG), 5]
    assert remote.files[0].path == f"{root}/Angelic/character01/a.png"
    assert local.passed_over == passed(tmp_path, {".x": 1, "notes/*": 1, "notes/old": 1, "oak/._*": 1, "oak/@eaDir": 2})
    assert remote.passed_over == {name.replace(str(tmp_path), root): count for name, count in local.passed_over.items()}
    assert [file.path for file in list_images(f"{root}/oak/1.png").files] == [f"{root}/oak/1.png"]
    with pytest.raises(ValueError, match="nowhere' is not a folder, or is empty: correct the path"):
        list_folder(f"{root}/nowhere")


def test_queries_are_all_images_at_any_depth(tmp_path):
    for name in ("1.png", "notes/a.txt", "deep/er/2.png", "deep/er/b.txt", "hash/3", "@eaDir/1.png"):
        touch(tmp_path / name, PNG if name == "hash/3" else b"12345")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    listing = list_images(str(tmp_path))
    assert [(file.class_name, file.source_id) for file in listing.files] == [
        ("", "1.png"), ("", "deep/er/2.png"), ("", "deep/er/b.txt"), ("", "hash/3")
    ]  # fmt: skip
    assert listing.passed_over == passed(tmp_path, {"@eaDir": 1, "deep/up": 0, "notes": 1})


@pytest.mark.parametrize("name", ["1.png", "2", "3.txt", ".4.png", "Thumbs.db"])
def test_one_query_is_taken_as_it_is_named(tmp_path, name):
    touch(tmp_path / name)
    (file,) = list_images(str(tmp_path / name)).files
    assert (file.path, file.size, file.reason) == (str(tmp_path / name), 5, "")


def test_no_query(tmp_path):
    with pytest.raises(ValueError, match="nowhere' does not exist: correct the path"):
        list_images(str(tmp_path / "nowhere"))
    touch(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="holds no image; expected at least one"):
        list_images(str(tmp_path))
