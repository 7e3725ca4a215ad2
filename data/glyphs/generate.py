"""Writes the built-in `glyphs` set: characters of many scripts, drawn from fonts that come with matplotlib."""

import os

from data.glyphs.drawing import Dice, draw, png
from data.glyphs.once import write_once
from data.glyphs.shapes import characters, shapes

VERSION = 1  # version of the content; increase it whenever a byte changes


def generate_glyphs(directory: str, colour: bool = False, images_per_class: int = 20) -> str:
    """Writes the set to `directory`/{train,val,test}/<script>/<U+XXXX NAME>/NN.png, unless it is there already.

    Args:
      directory: a local folder. It must not exist yet, or must hold the same set.
      colour: whether to draw RGB instead of grey images.
      images_per_class: 1 to 100.

    Returns:
      The absolute path of `directory`.

    Raises:
      ValueError: `directory` holds something else, or `images_per_class` is out of range.
    """
    if not 1 <= images_per_class <= 100:
        raise ValueError(f"images_per_class: expected 1 to 100 images, got {images_per_class}")
    content = {"set": "glyphs", "version": VERSION, "colour": colour, "images_per_class": images_per_class}
    return write_once(directory, content, lambda folder: _write(folder, colour, images_per_class))


def _write(directory: str, colour: bool, images_per_class: int) -> None:
    for character in characters():
        folder = os.path.join(directory, character.script.split, character.script.name, character.folder)
        os.makedirs(folder)
        dice = Dice(f"glyphs {VERSION} {character.code:04X}")
        for number, pixels in enumerate(draw(shapes(character.code), images_per_class, dice, colour)):
            with open(os.path.join(folder, f"{number:02d}.png"), "wb") as file:
                file.write(png(pixels))
