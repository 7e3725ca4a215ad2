"""What is wrong with a setting, in words: what was expected and what came."""

from collections.abc import Mapping, Sequence
from typing import Any

# By the kind of an error in pydantic; a name in braces is a value of its context.
EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "a text"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "settings as key: value"),
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "missing": "a value",
    "invalid_key": "keys that are text",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
}
MEMBERS = ("int", "tuple[int, int]")  # of a union: pydantic adds them to the place
LONGEST = 60  # letters of a value that are shown


def place(error: Mapping[str, Any]) -> str:
    """The dotted key that an error of pydantic is about, as in `also[0].spec.way`; empty for the settings as a whole."""
    key = ""
    for part in error["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part not in (*MEMBERS, "[key]"):
            key += f".{part}" if key else str(part)
    return key


def reason(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first of the errors of pydantic: what was expected, and what came. It does not name the key."""
    first = errors[0]
    if first["type"] == "value_error":  # our own words
        return str(first["msg"]).removeprefix("Value error, ")
    every = [error for error in errors if place(error).startswith(place(first))]
    same = every if first["loc"] and first["loc"][-1] in MEMBERS else [first]
    wanted = " or ".join(dict.fromkeys(_expected(error) for error in same))
    got = ", got nothing" if first["type"] == "missing" else f", got {shown(first['input'])}"
    return f"expected {wanted}{got}"


def shown(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str | bytes | list | tuple | dict) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _expected(error: Mapping[str, Any]) -> str:
    known = EXPECTED.get(error["type"])
    return known.format(**error.get("ctx", {})) if known else str(error["msg"])
