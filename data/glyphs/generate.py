"""Writes the built-in `glyphs` set: characters of many scripts, drawn from fonts that come with matplotlib."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator

from data.glyphs.drawing import Dice, draw, png
from data.glyphs.shapes import characters, shapes

VERSION = 1  # version of the content; increase it whenever a byte changes
MARK = "glyphs.json"  # describes the content of a folder; it is written last


def generate_glyphs(directory: str, colour: bool = False, images_per_class: int = 20) -> str:
    """Writes the set to `directory`/{train,val,test}/<script>/<U+XXXX NAME>/NN.png, unless it is there already.

    The folder appears only when it is complete. If the process is killed, it leaves `<directory>.unfinished`, which the next
    call removes.

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
    directory = os.path.abspath(directory)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    with _alone(f"{directory}.lock"):
        if os.path.exists(directory):
            _check_same(directory, content)
            return directory
        unfinished = f"{directory}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        _write(unfinished, colour, images_per_class)
        with open(os.path.join(unfinished, MARK), "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.rename(unfinished, directory)
    return directory


def _write(directory: str, colour: bool, images_per_class: int) -> None:
    for character in characters():
        folder = os.path.join(directory, character.script.split, character.script.name, character.folder)
        os.makedirs(folder)
        dice = Dice(f"glyphs {VERSION} {character.code:04X}")
        for number, pixels in enumerate(draw(shapes(character.code), images_per_class, dice, colour)):
            with open(os.path.join(folder, f"{number:02d}.png"), "wb") as file:
                file.write(png(pixels))


def _check_same(directory: str, content: dict[str, object]) -> None:
    try:
        with open(os.path.join(directory, MARK), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, json.JSONDecodeError):
        found = None
    if found != content:
        what = "something else" if found is None else json.dumps(found)
        raise ValueError(
            f"glyphs {json.dumps(content)} cannot be written to {directory!r}, which holds {what}: name another folder or"
            " remove this one"
        )


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Locks `path`, so that a second run waits until the first has written the set. The lock ends with its process."""
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
