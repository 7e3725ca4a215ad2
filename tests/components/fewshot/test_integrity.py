"""The list of the files of a directory: any damage is found and named."""

import hashlib
import json
import shutil

import pytest

from components.fewshot import integrity
from components.fewshot.integrity import Damaged, damage, is_sealed, lacking, seal, verify


@pytest.fixture
def sealed(tmp_path):
    """Two files; one of them is of a kind that is checked while it is read."""
    directory = tmp_path / "artifact" / "7"
    (directory / "inner").mkdir(parents=True)
    (directory / "facts.json").write_text("[1, 2]")
    (directory / "inner" / "shard-0.bin").write_bytes(bytes(100))
    seal(str(directory))
    return directory


def flip(path, place=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_list_names_every_file_with_its_size_and_digest(sealed):
    listed = json.loads((sealed / "files.json").read_text())["files"]
    of_facts = hashlib.sha256(b"[1, 2]").hexdigest()
    assert listed.keys() == {"facts.json", "inner/shard-0.bin"} and listed["facts.json"] == [6, of_facts]
    assert damage(str(sealed), every_byte=True) is None
    verify(str(sealed))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda at: flip(at / "facts.json"), "facts.json has other bytes than were written"),
        (lambda at: (at / "facts.json").write_text("[1, 2"), "facts.json has 5 bytes instead of 6"),
        (
            lambda at: (at / "inner" / "shard-0.bin").write_bytes(bytes(99)),
            "inner/shard-0.bin has 99 bytes instead of 100",
        ),
        (lambda at: (at / "inner" / "shard-0.bin").unlink(), "inner/shard-0.bin is missing"),
        (lambda at: shutil.rmtree(at / "inner"), "inner/shard-0.bin is missing"),
        (lambda at: flip(at / "files.json", 20), "files.json has other bytes than were written"),
        (lambda at: (at / "files.json").write_text("[]"), "files.json has other bytes than were written"),
    ],
)
def test_damage_is_named(sealed, harm, said):
    harm(sealed)
    assert damage(str(sealed)) == said
    with pytest.raises(
        Damaged, match=f"^{sealed} is damaged \\({said}\\): remove it, and the next run makes it again$"
    ):
        verify(str(sealed))


def test_no_byte_of_a_list_can_change_what_it_says(sealed):
    path = sealed / "files.json"
    before = path.read_bytes()
    listed = json.loads(before)
    for place in range(len(before)):
        flip(path, place)
        if damage(str(sealed)) is None:
            assert json.loads(path.read_bytes()) == listed  # a space has become another
        path.write_bytes(before)


def test_large_files_are_compared_by_request(sealed):
    flip(sealed / "inner" / "shard-0.bin", 50)
    assert damage(str(sealed)) is None
    assert damage(str(sealed), every_byte=True) == "inner/shard-0.bin has other bytes than were written"


def test_a_single_file_stays_alone(tmp_path):
    """TFX finds a schema as the only file of its directory."""
    directory = tmp_path / "schema" / "3"
    directory.mkdir(parents=True)
    (directory / "schema.pbtxt").write_text("feature")
    seal(str(directory))
    assert [path.name for path in directory.iterdir()] == ["schema.pbtxt"] and is_sealed(str(directory))
    assert damage(str(directory)) is None
    flip(directory / "schema.pbtxt")
    assert damage(str(directory)) == "schema.pbtxt has other bytes than were written"
    shutil.rmtree(directory)
    assert damage(str(directory)) == "it is missing"


def test_what_was_never_sealed_passes(tmp_path):
    (tmp_path / "file").write_text("x")
    assert damage(str(tmp_path)) is None and damage(str(tmp_path / "nothing")) is None
    assert not is_sealed(str(tmp_path))


def test_a_directory_is_sealed_once(sealed):
    flip(sealed / "facts.json")
    seal(str(sealed))
    assert damage(str(sealed)) is not None


def test_a_list_is_never_incomplete(tmp_path, monkeypatch):
    directory = tmp_path / "artifact"
    (directory / "inner").mkdir(parents=True)
    (directory / "inner" / "file").write_text("x")

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(integrity.tf.io.gfile, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        seal(str(directory))
    assert not is_sealed(str(directory))


@pytest.mark.parametrize(
    ("numbers", "count", "said"),
    [
        ([0, 1, 2], 3, None),
        ([], 0, None),
        ([0, 1], 3, "expected 3 episodes by number, got 2 (number 2 is missing)"),
        ([1], 3, "expected 3 episodes by number, got 1 (number 0 and others are missing)"),
        ([0, 1, 1], 3, "expected 3 episodes by number, got 3 (number 2 is missing, 1 more than there should be)"),
        ([0, 1, 2, 3], 3, "expected 3 episodes by number, got 4 (1 more than there should be)"),
    ],
)
def test_what_is_lacking_is_said(numbers, count, said):
    assert lacking(numbers, count) == said
