"""Writes the built-in `glyph_scenes` set: scenes with characters of many scripts, and their boxes as COCO has them."""

import json
import os

from data.glyph_scenes.drawing import SIDE, SPLITS, VERSION, Scene, characters_of, scene
from data.glyphs.drawing import png
from data.glyphs.once import write_once
from data.glyphs.shapes import Character

SCENES = {"train": 5000, "val": 800, "test": 1500}
ANNOTATIONS = "annotations.json"


def generate_glyph_scenes(directory: str, colour: bool = False) -> str:
    """Writes the set to `directory`/{train,val,test}/NNNNN.png with annotations.json beside them, unless it is there already.

    A class is a character, its name <script>/<U+XXXX NAME>. No script is in two splits.

    Args:
      directory: a local folder. It must not exist yet, or must hold the same set.
      colour: whether to draw RGB instead of grey scenes.

    Returns:
      The absolute path of `directory`.

    Raises:
      ValueError: `directory` holds something else.
    """
    content = {"set": "glyph_scenes", "version": VERSION, "colour": colour, "scenes": SCENES}
    return write_once(directory, content, lambda folder: _write(folder, colour))


def class_name(character: Character) -> str:
    """Returns the name of a class, such as `Basic_Latin/U+0041 LATIN CAPITAL LETTER A`."""
    return f"{character.script.name}/{character.folder}"


def _write(directory: str, colour: bool) -> None:
    for split in SPLITS:
        folder = os.path.join(directory, split)
        os.makedirs(folder)
        scenes = []
        for number in range(SCENES[split]):
            one = scene(split, number, colour)
            with open(os.path.join(folder, _file_name(number)), "wb") as file:
                file.write(png(one.pixels))
            scenes.append(one._replace(pixels=one.pixels[:0]))
        with open(os.path.join(folder, ANNOTATIONS), "w", encoding="utf-8") as file:
            json.dump(annotations(split, scenes), file)


def annotations(split: str, scenes: list[Scene]) -> dict[str, list[dict[str, object]]]:
    """Returns the boxes of the scenes from number 0 as COCO has them. The pixels of the scenes are not looked at."""
    ids = {one: number for number, one in enumerate(characters_of(split), start=1)}
    boxes = [(number, one) for number, made in enumerate(scenes, start=1) for one in made.placed]
    return {
        "images": [
            {"id": number, "file_name": _file_name(number - 1), "width": SIDE, "height": SIDE}
            for number in range(1, len(scenes) + 1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": ids[one.character],
                "bbox": [one.left, one.top, one.right - one.left, one.bottom - one.top],
                "area": (one.right - one.left) * (one.bottom - one.top),
                "iscrowd": 0,
            }
            for number, (image, one) in enumerate(boxes, start=1)
        ],
        "categories": [
            {"id": number, "name": class_name(one), "supercategory": one.script.name} for one, number in ids.items()
        ],
    }


def _file_name(number: int) -> str:
    return f"{number:05d}.png"
