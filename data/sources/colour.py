"""Tells from the first bytes of files whether images are in colour, before anything is read as a picture."""

import os
import struct
from collections.abc import Iterator, Sequence
from itertools import islice

from data.sources.magic import picture_kind
from data.spans import is_pattern, spans_of

ENOUGH = 16  # images that are looked at
HEAD = 65_536  # bytes of a file in which a JPEG says what it is; an embedded thumbnail may come before
GREY_PNG = (0, 4)  # its kinds of colour without any
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))  # of a JPEG


def are_grey(roots: Sequence[str]) -> bool:
    """Returns whether the first images below local folders are all grey as stored; False if none is found. A folder may be
    a pattern of spans."""
    found = [is_grey(head) for head in islice(_heads(roots), ENOUGH)]
    return bool(found) and all(found)


def is_grey(head: bytes) -> bool:
    """Returns whether an image that begins with these bytes is stored without colours: a PNG or JPEG with one channel."""
    kind = picture_kind(head)
    if kind == "PNG":
        return len(head) > 25 and head[25] in GREY_PNG
    return kind == "JPEG" and _components(head) == 1


def _components(head: bytes) -> int | None:
    """Returns the number of channels of a JPEG; None if its first bytes do not say it."""
    at = 2
    while at + 10 <= len(head) and head[at] == 0xFF:
        marker, length = struct.unpack_from(">BH", head, at + 1)
        if marker in FRAMES:
            return head[at + 9]
        at += 2 + length
    return None


def _heads(roots: Sequence[str]) -> Iterator[bytes]:
    for place in (place for root in roots for place in _places(root)):
        for folder, folders, names in os.walk(place):
            folders.sort()
            for name in sorted(names):
                head = _head(os.path.join(folder, name))
                if picture_kind(head):
                    yield head


def _places(root: str) -> list[str]:
    if not is_pattern(root):
        return [root]
    try:
        return [] if "://" in root else [span.path for span in spans_of(root)]
    except ValueError:  # for whoever reads them to say
        return []


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
