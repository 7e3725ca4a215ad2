import inspect

from pipeline.options import SettingsOptions, with_settings_options


@with_settings_options
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
    assert given.data == {"train_dir": "a", "val_dir": None, "test_dir": None, "images": ["b"], "splits": None}
