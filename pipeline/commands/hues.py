"""The colours of classes on pages and in pictures."""

import colorsys
from collections.abc import Iterable

TURN = 137.5  # degrees of hue between classes: neighbours differ much, however many there are
LIGHTNESS, SATURATION = 0.42, 0.75


def hues_of(names: Iterable[str]) -> dict[str, int]:
    """Returns a hue in degrees for each class, by its place."""
    return {name: round(number * TURN % 360) for number, name in enumerate(names)}


def rgb(hue: int) -> tuple[int, int, int]:
    """Returns the colour of a hue, 0 to 255 each: what pages call `hsl(hue 75% 42%)`."""
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue / 360, LIGHTNESS, SATURATION))
    return red, green, blue
