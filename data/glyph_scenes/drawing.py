"""Draws a scene: characters of several sizes, turned and tinted, on cluttered paper, with a tight box around each.

The bytes are the same on every machine, for the reasons that data/glyphs/drawing.py gives.
"""

import functools
from typing import NamedTuple

import numpy as np

from data.glyph_scenes.clutter import clutter, paper
from data.glyphs.drawing import Dice, Pose, draw_ink
from data.glyphs.shapes import Character, characters, shapes, spread

VERSION = 2  # version of the content; increase it whenever a byte changes
SIDE = 128  # pixels of a scene
SPLITS = ("train", "val", "test")
MOST_OF_SCRIPT = {"train": 32, "val": 16, "test": 16}  # characters: fewer with more images are better to judge with
DIFFERENT = (1, 3, 2, 4, 2, 1, 3, 0, 2, 5, 1, 3, 2, 4, 1, 5)  # characters in scene 0, 1 ...; then from the start
SIZES = 20, 52  # least and most pixels of the longer side of a character, before it is stretched and turned
TURN = 200  # most rotation either way, as in `Pose`: 22 degrees, because arrows differ by 45
CONTRAST = 60, 150  # between a character and the paper around it, in grey levels

_SEEN = 64  # ink, of 255, from which a pixel belongs to the character
_TRIES = 40  # places that are tried for a character


class Placed(NamedTuple):
    """A character and the box of its ink in pixels; the last row and column are outside."""

    character: Character
    top: int
    left: int
    bottom: int
    right: int


class Scene(NamedTuple):
    """uint8 [SIDE, SIDE, 3 or 1], and the characters in it, the largest first."""

    pixels: np.ndarray
    placed: tuple[Placed, ...]


def scene(split: str, number: int, colour: bool = False) -> Scene:
    """Draws a scene, which depends on nothing else.

    Args:
      split: the characters are those of its scripts.
      number: from 0; there is no end.
      colour: whether to draw in RGB instead of grey. The characters and their places stay the same.
    """
    dice = Dice(f"glyph_scenes {VERSION} {split} {number}")
    pixels = clutter(paper(dice, SIDE, 3 if colour else 1), dice)
    inks = [(one, _ink(one, dice)) for one in dealt(split, number) for _ in range(_times(dice))]
    placed: list[Placed] = []
    for character, ink in sorted(inks, key=lambda one: -one[1].size):
        place = _free_place(ink.shape, placed, dice)
        if place is None:
            continue
        top, left = place
        placed.append(Placed(character, top, left, top + ink.shape[0], left + ink.shape[1]))
        under = pixels[top : top + ink.shape[0], left : left + ink.shape[1]]
        under += (_tone(under, dice) - under) * ink[..., None] // 255
    strength = dice.between(1, 4, 1)
    pixels = np.clip(pixels + dice.grain(pixels.shape) * strength // 2, 0, 255)
    return Scene(pixels.astype(np.uint8), tuple(placed))


@functools.cache
def characters_of(split: str) -> tuple[Character, ...]:
    """Returns the classes of a split: an even choice of those of `glyphs`."""
    by_script: dict[str, list[Character]] = {}
    for one in characters():
        if one.script.split == split:
            by_script.setdefault(one.script.name, []).append(one)
    return tuple(one for own in by_script.values() for one in spread(own, MOST_OF_SCRIPT[split]))


def dealt(split: str, number: int) -> list[Character]:
    """Returns the characters that scene `number` is to have. All are dealt before any is dealt again, as from a deck of cards."""
    every = characters_of(split)
    rounds, place = divmod(number, len(DIFFERENT))
    first = rounds * sum(DIFFERENT) + sum(DIFFERENT[:place])
    cards = [divmod(card, len(every)) for card in range(first, first + DIFFERENT[place])]
    return list(dict.fromkeys(every[_deck(split, deck)[card]] for deck, card in cards))


@functools.lru_cache(maxsize=8)
def _deck(split: str, deck: int) -> tuple[int, ...]:
    count = len(characters_of(split))
    drawn = Dice(f"glyph_scenes {VERSION} {split} deck {deck}").between(0, (1 << 48) - 1, count)
    return tuple(np.argsort(drawn, kind="stable").tolist())


def _times(dice: Dice) -> int:
    """How often a character is in its scene: one of five is there twice."""
    return 1 + int(dice.between(0, 4, 1)[0] == 0)


def _ink(character: Character, dice: Dice) -> np.ndarray:
    """Returns the ink of a character, int64 [h, w] in 0..255, tight, and at most as large as a scene."""
    size = int(dice.between(*SIZES, 1)[0])
    side = 7 * size // 4 + 4  # room for a square that is turned, stretched and sheared
    pose = Pose(side, (2 * size, 2 * size), warp=size << 16 >> 3, turn=TURN)
    ink = draw_ink(shapes(character.code), 1, dice, pose)[0]
    rows, columns = (np.flatnonzero((ink >= _SEEN).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _free_place(shape: tuple[int, ...], placed: list[Placed], dice: Dice) -> tuple[int, int] | None:
    """Returns where a box may lie (top, left): boxes share at most a quarter of the smaller, so their IoU is at most 1/7.

    None if no place was found.
    """
    height, width = shape
    tries = dice.between(0, (1 << 30) - 1, (_TRIES, 2)) % (SIDE + 1 - np.array(shape))
    for top, left in tries.tolist():
        if all(
            4 * _shared((top, left, top + height, left + width), one[1:]) <= min(height * width, _area(one[1:]))
            for one in placed
        ):
            return top, left
    return None


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Pixels that two boxes share."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    return max(height, 0) * max(width, 0)


def _area(box: tuple[int, ...]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _tone(under: np.ndarray, dice: Dice) -> np.ndarray:
    """Returns the tone of a character [channels]: darker than what it lies on."""
    around = under.sum(axis=(0, 1)) // (under.shape[0] * under.shape[1])  # [channels]
    return np.clip(around - dice.between(*CONTRAST, 1) + dice.between(-25, 25, 3)[: len(around)], 0, 255)
