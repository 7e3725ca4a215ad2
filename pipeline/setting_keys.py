"""What settings there are: their dotted keys, defaults, types and meanings, read from the models that hold them."""

from types import NoneType, UnionType
from typing import Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def setting_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Returns the dotted keys of all settings."""
    return [setting.key for setting in all_settings(model, prefix)]


class Setting(NamedTuple):
    """One setting: its dotted key, its default, the type of its value in words, and what it means."""

    key: str
    default: object
    type: str
    meaning: str

    @property
    def plain_default(self) -> object:
        """The default as JSON and YAML have it."""
        return list(self.default) if isinstance(self.default, tuple) else self.default


def all_settings(model: type[BaseModel], prefix: str = "", base: BaseModel | None = None) -> list[Setting]:
    """Returns all settings in order, those of a section in its place.

    Args:
      model: the section.
      prefix: what stands before its keys, with the dot.
      base: a value of the section that its defaults are taken from.
    """
    found = []
    for name, field in model.model_fields.items():
        default = getattr(base, name) if base else field.get_default(call_default_factory=True)
        inner = section_of(field)
        if inner and is_section_of_keys(field):
            found += all_settings(inner, f"{prefix}{name}.", default if isinstance(default, BaseModel) else None)
        else:
            found.append(Setting(f"{prefix}{name}", default, type_in_words(field.annotation), field.description or ""))
    return found


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Returns the model of a field that holds settings of its own, or a list of such; None for a plain value."""
    options = get_args(field.annotation) or (field.annotation,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def is_section_of_keys(field: FieldInfo) -> bool:
    """Returns whether the settings in a field have dotted keys; those in a list have not."""
    return section_of(field) is not None and get_origin(field.annotation) is not tuple


def type_in_words(annotation: object) -> str:
    """Returns the type of a setting as a user writes it."""
    origin, options = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(str(one) for one in options)
    if origin is tuple:
        return "range" if len(set(options)) == 1 else "list"
    if origin in (Union, UnionType):
        return " or ".join(type_in_words(one) for one in options if one is not NoneType)
    if origin is dict:
        return "key: value"
    return {int: "whole number", float: "number", bool: "true or false", str: "text"}.get(annotation, "text")  # type: ignore[call-overload]
