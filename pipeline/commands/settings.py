"""`fewshot settings`: every setting of a run with its type, its default and what it means, read from the settings themselves."""

import difflib
import textwrap

import yaml

from components.fewshot.settings.learners import SETTINGS
from pipeline.config import RunSettings
from pipeline.setting_keys import Setting, all_settings, is_section_of_keys

WIDTH = 80


def find(section: str | None) -> list[Setting]:
    """Returns the settings of a section, or all; a key is a section of one.

    Raises:
      ValueError: there is no such section; the message lists those that exist.
    """
    everything = all_settings(RunSettings)
    if section is None:
        return everything
    found = [one for one in everything if one.key == section or one.key.startswith(f"{section}.")]
    if section == "learner":
        found += [one for name in SETTINGS for one in learner_settings(name)]
    if not found:
        sections = [name for name, field in RunSettings.model_fields.items() if is_section_of_keys(field)]
        near = difflib.get_close_matches(section, [*sections, *(one.key for one in everything)], 1, 0.5)
        guess = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"no section of settings {section!r}; {guess}the sections are {', '.join(sections)}")
    return found


def learner_settings(name: str) -> list[Setting]:
    """Returns the settings that a learner has of its own; each meaning begins with its name."""
    own = all_settings(SETTINGS[name], "learner.settings.")
    return [one._replace(meaning=f"{name}: {one.meaning}") for one in own]


def as_json(settings: list[Setting]) -> list[dict[str, object]]:
    """Returns the settings as JSON has them."""
    return [{**one._asdict(), "default": one.plain_default} for one in settings]


def show(settings: list[Setting]) -> None:
    """Prints a line for each setting, as `key=default`, and what it means below it. A section starts after an empty line."""
    before = settings[0].key.rpartition(".")[0]
    for one in settings:
        section = one.key.rpartition(".")[0]
        if section != before:
            print()
        before = section
        default = yaml.safe_dump(one.plain_default, default_flow_style=True, width=WIDTH).splitlines()[0]
        print(f"{one.key}={'' if one.default is None else default}".ljust(46) + f"  {one.type}".rstrip())
        print(
            textwrap.fill(one.meaning, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
        )
