"""`fewshot adapt --pictures`: pictures with what was found drawn into them."""

import os
from collections.abc import Mapping, Sequence
from functools import cache

import matplotlib
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from components.fewshot.images.gate import ANY_SIZE
from components.fewshot.images.seen import BATCH, see
from components.fewshot.parallel import batched
from pipeline.commands.hues import hues_of, rgb
from pipeline.commands.inputs import read_file
from pipeline.terminal.images import printable
from pipeline.terminal.results import DetectedPicture

FONT = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
LINE, LETTERS = 300, 40  # parts of the longer side: the width of a line, and the height of letters
THINNEST, SMALLEST = 2, 11  # pixels, of the same


def write_drawn(folder: str, pictures: Sequence[DetectedPicture], names: Sequence[str], classes: Sequence[str]) -> None:
    """Writes a PNG of each picture, of the size that a person sees it in, with a box and a label around each object.

    Args:
      folder: where to write them; it need not exist.
      pictures: with what was found.
      names: of each picture below its folder; ".png" is added, for two may differ in their suffix alone.
      classes: names, by which colours are chosen.
    """
    colours = {name: rgb(hue) for name, hue in hues_of(classes).items()}
    for some in batched(list(zip(pictures, names, strict=True)), BATCH):
        pixels = see([read_file(one["path"]) for one, _ in some], lambda _, seen: seen.pixels, ANY_SIZE)
        for (one, name), shown in zip(some, pixels, strict=True):
            path = os.path.join(folder, f"{name}.png")
            tf.io.gfile.makedirs(os.path.dirname(path))
            with tf.io.gfile.GFile(path, "wb") as file:
                file.write(tf.io.encode_png(drawn(shown, one, colours)).numpy())


def drawn(pixels: np.ndarray, picture: DetectedPicture, colours: Mapping[str, tuple[int, int, int]]) -> np.ndarray:
    """Returns the pixels of a picture, uint8 [H, W, 1 or 3], with its objects drawn into them, the surest on top, in colours."""
    image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    canvas, longer = ImageDraw.Draw(image), max(image.size)
    width, font = max(THINNEST, longer // LINE), _font(max(SMALLEST, longer // LETTERS))
    for one in reversed(picture["objects"]):
        ymin, xmin, ymax, xmax = one["box"]
        left, top, right, bottom = (
            *(round(xmin * image.width), round(ymin * image.height)),
            *(round(xmax * image.width) - 1, round(ymax * image.height) - 1),
        )
        colour = colours[one["label"]]
        canvas.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=width)
        text = f"{printable(one['label'])} {one['score']:.2f}"
        _, _, wide, high = canvas.textbbox((0, 0), text, font=font)
        above = top - high if top >= high else top  # inside, where there is no place above
        canvas.rectangle((left, above, left + wide + 2 * width, above + high), fill=colour)
        canvas.text((left + width, above), text, fill="white", font=font)
    return np.asarray(image)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)
