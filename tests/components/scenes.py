"""A small set of images with boxes on disk: coloured squares on grey, whose class is their colour."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (40, 60, 230),
    "cyan": (30, 210, 210),
    "pink": (230, 60, 200),
    "gold": (220, 190, 30),
}
SIDES = {"train": ("red", "green", "blue"), "val": ("cyan", "pink"), "test": ("gold", "black", "white")}
SHADES = COLOURS | {"black": (5, 5, 5), "white": (250, 250, 250)}
HEIGHT, WIDTH = 48, 64


def write_scenes(root: Path, each: int = 12, seed: int = 0) -> dict[str, str]:
    """Writes `each` images for each side, with one to three squares each and the last one empty, and their COCO file; returns the
    settings that name them."""
    rng, named = np.random.default_rng(seed), {}
    for side, classes in SIDES.items():
        folder = root / side
        folder.mkdir(parents=True)
        images, boxes = [], []
        for number in range(each):
            name = f"{number:03}.png"
            images.append({"id": number + 1, "file_name": name, "height": HEIGHT, "width": WIDTH})
            squares = [] if number == each - 1 else _squares(rng, classes, number)
            pixels = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
            for colour, top, left, size in squares:
                pixels[top : top + size, left : left + size] = SHADES[colour]
                box = {"id": len(boxes) + 1, "image_id": number + 1, "category_id": classes.index(colour) + 1}
                boxes.append(box | {"bbox": [left, top, size, size]})
            (folder / name).write_bytes(tf.io.encode_png(pixels).numpy())
        categories = [{"id": place, "name": colour} for place, colour in enumerate(classes, 1)]
        content = {"images": images, "annotations": boxes, "categories": categories}
        (folder / "annotations.json").write_text(json.dumps(content))
        named[f"{side}_dir"] = str(folder)
    return named


def _squares(rng: np.random.Generator, classes: tuple[str, ...], number: int) -> list[tuple[str, int, int, int]]:
    """Squares in the thirds of an image, so that none covers another: (class, top, left, size)."""
    thirds = rng.permutation(3)[: 1 + number % 3]
    found = []
    for place, third in enumerate(thirds):
        size = int(rng.integers(10, 18))
        left = int(third * WIDTH // 3 + rng.integers(0, WIDTH // 3 - size + 1))
        found.append((classes[(number + place) % len(classes)], int(rng.integers(0, HEIGHT - size)), left, size))
    return found
