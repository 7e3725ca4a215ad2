"""Draws a character many times, each time with another pose, stroke, tint and grain.

The bytes are the same on every machine. All arithmetic is on integers (fixed point with 16 bits, and float64 matrix products of
integers, which are exact). Random numbers come from the raw stream of Philox, which numpy guarantees never to change.
"""

import hashlib
import math
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SIDE = 32  # pixels of an image of the set
_ONE = 1 << 16  # fixed point
_TURN = 1024  # a rotation by t is given as tan(t / 2) * _TURN, so that sine and cosine are rational
_KNOTS = 5  # each page is warped by a smooth field, given at _KNOTS x _KNOTS knots


class Pose(NamedTuple):
    """How a character lies in its image, which is drawn at twice its size, in fine pixels, and then averaged.

    Attributes:
      side: pixels of the image.
      sizes: the least and the most fine pixels of the longer side of the character.
      shift: most fine pixels from the middle, up or down, left or right.
      warp: most fine pixels that a knot of the warp moves, in fixed point.
      turn: most rotation either way, t as tan(t / 2) * _TURN.
    """

    side: int
    sizes: tuple[int, int]
    shift: int = 0
    warp: int = 5 * _ONE // 2
    turn: int = 150  # 17 degrees


ALONE = Pose(SIDE, (38, 54), shift=6)  # the character is 19 to 27 pixels large


class Dice:
    """Random integers. The name of the stream determines all of them."""

    def __init__(self, name: str) -> None:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
        self._stream = np.random.Philox(key=key)

    def between(self, low: int, high: int, shape: int | tuple[int, ...]) -> np.ndarray:
        """Returns int64 of `shape`, uniform in low..high inclusive. The bias of the remainder is below 2^-48."""
        count = shape if isinstance(shape, int) else math.prod(shape)
        raw = np.atleast_1d(self._stream.random_raw(count))
        return (raw % np.uint64(high - low + 1)).astype(np.int64).reshape(shape) + low

    def grain(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns int16 of `shape`, with a triangular distribution in -15..15. Each raw draw gives eight of them."""
        count = math.prod(shape)
        raw = np.atleast_1d(self._stream.random_raw(-(-count // 8))).astype("<u8").view(np.uint8)[:count]
        return ((raw >> 4).astype(np.int16) - (raw & 15)).reshape(shape)


def draw(shapes: Sequence[np.ndarray], count: int, dice: Dice, colour: bool) -> np.ndarray:
    """Draws a character `count` times.

    Args:
      shapes: the character in several faces, ink as uint8 [h, w], of any sizes.
      count: number of images.
      dice: the source of all variation.
      colour: whether to draw in RGB instead of grey. Pose and stroke stay the same.

    Returns:
      uint8 [count, SIDE, SIDE, 3 or 1], dark ink on light paper.
    """
    return _print(draw_ink(shapes, count, dice, ALONE), dice, colour)


def draw_ink(shapes: Sequence[np.ndarray], count: int, dice: Dice, pose: Pose) -> np.ndarray:
    """Draws the ink of a character (as for `draw`) `count` times, and returns int64 [count, side, side] in 0..255."""
    faces = dice.between(0, len(shapes) - 1, count)
    pages, extents = _pages(shapes)
    rows, columns = _places(extents[faces], dice, pages.shape[1], pose)
    ink = _sample(pages, faces, rows, columns)
    ink = _stroke(ink, dice.between(-1, 2, count))
    return ink.reshape(count, pose.side, 2, pose.side, 2).sum(axis=(2, 4)) >> 2


def png(pixels: np.ndarray) -> bytes:
    """Returns a PNG of uint8 [h, w, 1 or 3]. It is not compressed, because compressed bytes depend on the version of zlib."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each line starts with its filter, 0 for none
    lines[:, 1:] = pixels.reshape(height, -1)
    chunks = ((b"IHDR", header), (b"IDAT", _stored(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _stored(data: bytes) -> bytes:
    """Returns a zlib stream of one stored block (RFC 1951, 3.2.4), for up to 65,535 bytes."""
    block = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF)
    return b"\x78\x01" + block + data + struct.pack(">I", zlib.adler32(data))


def _pages(shapes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns each shape in the middle of a page [faces, P, P], and the longer side of each shape [faces]."""
    extents = np.array([max(shape.shape) for shape in shapes])
    side = int(extents.max()) + 4
    pages = np.zeros((len(shapes), side, side), np.int64)
    for page, shape in zip(pages, shapes, strict=True):
        top, left = (side - shape.shape[0]) // 2, (side - shape.shape[1]) // 2
        page[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    return pages, extents


def _places(extents: np.ndarray, dice: Dice, side: int, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Returns the place on its page of each fine pixel: rows and columns in fixed point, int64 [count, F, F]."""
    count, fine = len(extents), 2 * pose.side
    turn = dice.between(-pose.turn, pose.turn, count)
    norm = _TURN * _TURN + turn * turn
    cosine = (_TURN * _TURN - turn * turn) * _ONE // norm
    sine = 2 * _TURN * turn * _ONE // norm
    scale = extents * _ONE // dice.between(*pose.sizes, count)  # page pixels per fine pixel
    stretch = dice.between(_ONE * 85 // 100, _ONE * 115 // 100, count)
    shear = dice.between(-_ONE // 6, _ONE // 6, count)
    shift = dice.between(-pose.shift, pose.shift, (count, 2))  # fine pixels
    warp = smooth(dice.between(-pose.warp, pose.warp, (count, 2, _KNOTS, _KNOTS)), fine)
    centre = 2 * np.arange(fine) - (fine - 1)  # twice the distance from the middle
    down = (centre[:, None] * (_ONE // 2) + warp[:, 0]) - shift[:, 0, None, None] * _ONE
    right = (centre[None, :] * (_ONE // 2) + warp[:, 1]) - shift[:, 1, None, None] * _ONE

    def times(factor: np.ndarray, value: np.ndarray) -> np.ndarray:
        return (factor[:, None, None] * value) >> 16

    turned_down, turned_right = times(cosine, down) - times(sine, right), times(sine, down) + times(cosine, right)
    turned_right = times(stretch, turned_right) + times(shear, turned_down)
    middle = (side - 1) * (_ONE // 2)
    return times(scale, turned_down) + middle, times(scale, turned_right) + middle


def smooth(knots: np.ndarray, side: int) -> np.ndarray:
    """Interpolates integers [..., K, K] bilinearly and returns int64 [..., side, side]."""
    count = knots.shape[-1]
    place = np.arange(side) * (count - 1)
    weights = np.zeros((side, count), np.int64)
    weights[np.arange(side), place // side] = side - place % side
    weights[np.arange(side), place // side + 1] = place % side
    exact = weights.astype(np.float64)  # sums stay below 2^53
    return (exact @ knots.astype(np.float64) @ exact.T).astype(np.int64) // (side * side)


def _sample(pages: np.ndarray, faces: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns bilinear samples of pages, int64 [count, F, F] in 0..255. Outside a page they are 0."""
    limit = (pages.shape[1] - 1) * _ONE - 1  # the border of a page is empty
    rows, columns = np.clip(rows, 0, limit), np.clip(columns, 0, limit)
    row, down = rows >> 16, (rows & (_ONE - 1)) >> 8
    column, right = columns >> 16, (columns & (_ONE - 1)) >> 8
    flat, side = pages.ravel(), pages.shape[1]
    start = (faces[:, None, None] * side + row) * side + column
    above = flat[start] * (256 - right) + flat[start + 1] * right
    below = flat[start + side] * (256 - right) + flat[start + side + 1] * right
    return (above * (256 - down) + below * down) >> 16


def _stroke(ink: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Thins (-1) or thickens (1, 2) strokes by a fine pixel. A stroke that would vanish is not thinned."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    around = np.stack([ink, padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]])
    thin, thick = around.min(axis=0), around.max(axis=0)
    survives = 2 * thin.sum(axis=(1, 2)) > ink.sum(axis=(1, 2))
    use_thin = ((weight == -1) & survives)[:, None, None]
    use_thick = (weight > 0)[:, None, None]
    return np.where(use_thin, thin, np.where(use_thick, thick, ink))


def _print(ink: np.ndarray, dice: Dice, colour: bool) -> np.ndarray:
    """Prints ink in 0..255 [count, SIDE, SIDE] on grainy paper, and returns uint8 [count, SIDE, SIDE, channels]."""
    count, channels = len(ink), 3 if colour else 1
    paper = dice.between(215, 255, (count, 3))[:, None, None, :channels]
    dark = dice.between(0, 80, (count, 3))[:, None, None, :channels]
    strength = dice.between(1, 4, count)[:, None, None, None]
    pixels = paper + (dark - paper) * ink[..., None] // 255
    pixels += dice.grain((*ink.shape, channels)) * strength // 2
    return np.clip(pixels, 0, 255).astype(np.uint8)
