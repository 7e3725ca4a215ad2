"""The characters of the `glyphs` set and their shapes, rendered from the DejaVu fonts that come with matplotlib.

The result is the same on every machine. All arithmetic is on integers, also in FreeType. The matrix products below are in
float32, but they only add ones, which is exact in any order.
"""

import functools
import os
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import ImageFont

from data.glyphs.scripts import SCRIPTS, Script

FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
)
POINTS = 64  # size of rendered characters, about twice their size in an image
THINNEST = 6  # a character that is longer than this times its width is only a line, and is left out
SMALLEST = 14  # least pixels of the longer side at POINTS; smaller characters, such as dots, would be blurred
SMALLEST_SCRIPT = 5  # least characters of a script; a domain with fewer is too small for an episode
LARGEST_SCRIPT = 32  # most characters of a script, so that no script dominates

_GRID = 24  # pixels along a side of the raster in which characters are compared
_ALIKE = 0.93  # two characters are alike if this share of the ink of each is on or beside the ink of the other


class Character(NamedTuple):
    """One class: a script and a code point."""

    script: Script
    code: int

    @property
    def folder(self) -> str:
        """The name of its folder, such as `U+0041 LATIN CAPITAL LETTER A`."""
        return f"U+{self.code:04X} {unicodedata.name(chr(self.code))}"


@functools.cache
def characters() -> tuple[Character, ...]:
    """Returns the classes of the set, in the order of SCRIPTS.

    No two look alike. Two of different splits do not look alike after a quarter turn either.
    """
    candidates = [
        Character(script, code)
        for script in SCRIPTS
        for code in range(script.first, script.last + 1)
        if code in _charmap(FACES[0]) and unicodedata.category(chr(code))[0] in "LNSP" and _is_drawable(code)
    ]
    by_script: dict[Script, list[Character]] = {}
    for row in _unlike(candidates):
        by_script.setdefault(candidates[row].script, []).append(candidates[row])
    large = [kept for kept in by_script.values() if len(kept) >= SMALLEST_SCRIPT]
    return tuple(one for kept in large for one in spread(kept, LARGEST_SCRIPT))


def spread(kept: Sequence[Character], most: int) -> list[Character]:
    """Returns at most `most` characters, evenly spaced, because neighbours are often variants of one shape."""
    number = min(len(kept), most)
    return [kept[place * len(kept) // number] for place in range(number)]


def shapes(code: int) -> list[np.ndarray]:
    """Returns the character in every face that has it, as uint8 (255 is ink), cropped to its box."""
    return [_ink(face, code) for face in FACES if code in _charmap(face)]


def _is_drawable(code: int) -> bool:
    ink = _ink(FACES[0], code)
    return max(ink.shape) >= SMALLEST and max(ink.shape) <= THINNEST * min(ink.shape)


def _unlike(candidates: list[Character]) -> list[int]:
    """Returns the rows of the characters that do not look like an earlier one."""
    rasters = np.stack([_raster(one.code) for one in candidates])
    alike = _alike(rasters, 0)
    splits = np.array([one.script.split for one in candidates])
    across = splits[:, None] != splits[None, :]
    for turns in (1, 2, 3):
        alike |= _alike(rasters, turns) & across
    alike |= alike.T
    kept: list[int] = []
    for row in range(len(candidates)):
        if not alike[row, kept].any():
            kept.append(row)
    return kept


def _alike(rasters: np.ndarray, turns: int) -> np.ndarray:
    """Returns bool [n, n]: whether character i looks like character j after `turns` quarter turns. Rasters are bool [n, G, G]."""
    other = np.rot90(rasters, turns, axes=(1, 2))
    inside = _matches(rasters, _thicken(other))
    outside = _matches(other, _thicken(rasters)).T
    return inside & outside


def _matches(ink: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Returns bool [n, n]: whether at least the share _ALIKE of the ink of i is within j."""
    flat = ink.reshape(len(ink), -1).astype(np.float32)
    shared = flat @ around.reshape(len(around), -1).astype(np.float32).T
    return shared >= np.float32(_ALIKE) * flat.sum(axis=1, keepdims=True)


def _thicken(ink: np.ndarray) -> np.ndarray:
    """Grows bool [n, G, G] by one pixel in every direction."""
    grown = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    grown = grown[:, 1:-1] | grown[:, :-2] | grown[:, 2:]
    return grown[:, :, 1:-1] | grown[:, :, :-2] | grown[:, :, 2:]


def _raster(code: int) -> np.ndarray:
    """Returns the character as bool [G, G], centred and scaled to touch the border."""
    ink = _ink(FACES[0], code)
    side = max(ink.shape)
    centre = side - np.array(ink.shape)  # twice the offset of the box in its square
    steps = (2 * np.arange(_GRID) + 1) * side  # pixel centres in units of 1 / (2 * _GRID)
    raster = np.zeros((_GRID, _GRID), bool)
    rows, columns = ((steps - offset * _GRID) // (2 * _GRID) for offset in centre)
    inside = np.ix_((rows >= 0) & (rows < ink.shape[0]), (columns >= 0) & (columns < ink.shape[1]))
    raster[inside] = ink[np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])] >= 128
    return raster


@functools.lru_cache(maxsize=32768)
def _ink(face: str, code: int) -> np.ndarray:
    mask = _font(face).getmask(chr(code))
    ink = np.array(mask, np.uint8).reshape(mask.size[1], mask.size[0])
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return ink[:0, :0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@functools.cache
def _font(face: str) -> ImageFont.FreeTypeFont:
    # The basic layout is always there. Raqm, which is better for words, may be missing.
    return ImageFont.truetype(_path(face), POINTS, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def _charmap(face: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_path(face)).get_charmap())


@functools.cache
def _path(face: str) -> str:
    import matplotlib

    return os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{face}.ttf")
