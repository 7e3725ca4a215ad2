"""What lies behind the characters of a scene: paper that is nowhere quite even, panels, lines and arcs.

All arithmetic is on integers, as in data/glyphs/drawing.py.
"""

import math

import numpy as np

from data.glyphs.drawing import Dice, smooth

UNEVEN = 24  # grey levels that the paper may be lighter or darker at a knot
PANELS, LINES, ARCS = 2, 4, 2  # most of each
FULL = 255  # of what is covered

_KNOTS = 5  # along a side


def paper(dice: Dice, side: int, channels: int) -> np.ndarray:
    """Returns empty paper, int64 [side, side, channels]."""
    tone = dice.between(130, 235, 1) + dice.between(-30, 30, 3)
    uneven = smooth(dice.between(-UNEVEN, UNEVEN, (_KNOTS, _KNOTS)), side)
    return np.clip(tone[:channels] + uneven[..., None], 0, 255)


def clutter(pixels: np.ndarray, dice: Dice) -> np.ndarray:
    """Returns pixels [side, side, channels] with panels, lines and arcs on them."""
    down, right = np.ogrid[: len(pixels), : len(pixels)]
    for draw, most, contrast in ((_panel, PANELS, 35), (_line, LINES, 110), (_arc, ARCS, 110)):
        for _ in range(int(dice.between(0, most, 1)[0])):
            cover = draw(down, right, dice)
            shift = dice.between(-contrast, contrast, 1) + dice.between(-20, 20, 3)
            pixels = np.clip(pixels + cover[..., None] * shift[: pixels.shape[-1]] // FULL, 0, 255)
    return pixels


def _panel(down: np.ndarray, right: np.ndarray, dice: Dice) -> np.ndarray:
    """A rectangle of at least a quarter of a side, partly outside perhaps."""
    side = len(down)
    top, left = dice.between(-side // 4, side, 2)
    height, width = dice.between(side // 4, side, 2)
    return FULL * ((down >= top) & (down < top + height) & (right >= left) & (right < left + width))


def _line(down: np.ndarray, right: np.ndarray, dice: Dice) -> np.ndarray:
    """A straight line between any two places, with soft edges; it is longer than most characters."""
    side = len(down)
    (y, x), (to_y, to_x) = dice.between(-side // 2, side + side // 2, (2, 2))
    along, across = int(to_y - y), int(to_x - x)
    square = max(along * along + across * across, 1)
    length = max(math.isqrt(square), 1)
    half = int(dice.between(1, 4, 1)[0])  # of the width, in half pixels
    beside = abs(across * (down - y) - along * (right - x))  # distance times length
    ahead = along * (down - y) + across * (right - x)
    cover = np.clip((half * length - 2 * beside) * FULL // (2 * length) + FULL // 2, 0, FULL)
    return cover * ((ahead >= 0) & (ahead <= square))


def _arc(down: np.ndarray, right: np.ndarray, dice: Dice) -> np.ndarray:
    """Half a circle, larger than most characters, with soft edges."""
    side = len(down)
    y, x = dice.between(-side // 4, side + side // 4, 2)
    radius = int(dice.between(side // 4, 3 * side // 4, 1)[0])
    half = int(dice.between(1, 3, 1)[0])  # of the width, in half pixels
    steep, flat = dice.between(-8, 8, 2)
    # The square of the distance is r^2 + 2 r d, and a little, at d pixels outside the circle.
    beside = abs((down - y) ** 2 + (right - x) ** 2 - radius * radius)
    cover = np.clip((half * radius - beside) * FULL // (2 * radius) + FULL // 2, 0, FULL)
    return cover * (steep * (down - y) + flat * (right - x) >= 0)
