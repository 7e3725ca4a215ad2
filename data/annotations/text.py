"""Texts, names and numbers out of annotation files as people's tools write them."""

import codecs
import math
import re
import unicodedata

from data.sources.tree import escaped

# The longer marks first, because that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SHOWN = 60  # letters of a value in a sentence

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def decoded(content: bytes) -> str:
    """Returns the text of a file: in the encoding that its first bytes or its XML declaration name, in UTF-8, or else in
    Latin-1, which every file fits."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    found = _DECLARED.match(content[:300])
    for encoding in (*([found[1].decode()] if found else []), *_without_mark(content), "utf-8"):
        try:
            return content.decode(encoding)
        except (LookupError, ValueError):  # no such encoding, or not in it
            continue
    return content.decode("latin-1")


def number(value: object) -> float | None:
    """Returns a finite number, also one that is written as a text or with a decimal comma; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
        value = value.replace(",", ".")
    try:
        found = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return found if math.isfinite(found) else None


def name_of(value: object) -> str:
    """Returns the name of a class: in Unicode normal form C, with single spaces; "" if it is none. A number is a name too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        return ""
    return " ".join(unicodedata.normalize("NFC", escaped(text)).split())


def shown(value: object) -> str:
    """Returns a value as a sentence can hold it."""
    try:
        text = escaped(repr(value))
    except (ValueError, RecursionError):  # an integer of thousands of digits; lists in lists
        return f"a very long {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def is_true(value: object) -> bool:
    """Returns whether a flag is set: 1, "1", true or "true"."""
    return (isinstance(value, bool) and value) or number(value) == 1 or str(value).strip().lower() in ("true", "yes")


def _without_mark(content: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark: every other byte of what is mostly ASCII is 0."""
    head = content[:64]
    if len(head) >= 4 and not any(head[1::2]):
        return ("utf-16-le",)
    return ("utf-16-be",) if len(head) >= 4 and not any(head[::2]) else ()
