import inspect

import pytest

from pipeline.options import SettingsOptions, check_root, with_options


@with_options
def command(*, output: str, given: SettingsOptions, root: str = "runs") -> None:
    """A command."""
    seen.append((output, given, root))


seen: list[tuple[str, SettingsOptions, str]] = []


def test_each_field_is_an_option_of_its_own():
    assert list(inspect.signature(command).parameters) == ["output", *SettingsOptions._fields, "root"]
    assert command.__doc__ == "A command."


def test_the_command_gets_them_as_one_value():
    given = SettingsOptions(overrides=["seed=1"], train_dir="a", images=["b"])
    command(output="o", root="r", **given._asdict())
    assert seen.pop() == ("o", given, "r")
    named = {"train_dir": "a", "images": ["b"]}
    assert given.data == dict.fromkeys(("val_dir", "test_dir", "splits", "annotations")) | named


def test_a_root_is_a_directory_that_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    check_root(str(tmp_path / "new" / "deep"))
    assert not (tmp_path / "new").exists()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(
            ValueError, match=f"--root {root}: expected a directory, but {tmp_path}/file is a file; choose another"
        ):
            check_root(str(root))
    with pytest.raises(ValueError, match="--root gs://b/r: expected a directory of this machine"):
        check_root("gs://b/r")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(ValueError, match=f"--root {tmp_path}/new: {tmp_path} cannot be written; choose another, or"):
        check_root(str(tmp_path / "new"))
