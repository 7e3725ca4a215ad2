"""Small image sets on disk: each class a coarse picture of its own, each image a noisy copy."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image


def write_class(root: Path, name: str, images: int = 8, side: int = 20, noise: float = 0.25, first: int = 0) -> None:
    """Writes `root/name/00.png` and so on, from the `first` of them; the pictures depend on the name alone."""
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    centre = rng.random((4, 4)).repeat(side // 4, 0).repeat(side // 4, 1)
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first + images):
        pixels = np.clip(centre + rng.normal(0, noise, (side, side)), 0, 1)
        if number >= first:
            Image.fromarray((pixels * 255).astype(np.uint8)).save(folder / f"{number:02}.png")


def write_set(root: Path, train: int = 14, val: int = 5, test: int = 6, images: int = 8) -> dict[str, str]:
    """`train`, `val` and `test` folders of so many classes in two domains each; returns the options that name them."""
    for split, classes in (("train", train), ("val", val), ("test", test)):
        for number in range(classes):
            write_class(root / split, f"{split}-{'ab'[number % 2]}/kind {number:02}", images)
    return {f"{split}_dir": str(root / split) for split in ("train", "val", "test")}
