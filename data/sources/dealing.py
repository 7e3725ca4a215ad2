"""Deals classes to splits by a hash of their names, and by their number where the hash alone would give a split too few or too
many.

The hash of its name puts a class at a place in 0..1, and those below a share are held out. So no class changes its split when
others arrive: a model in production would have been trained on what are test classes now. Of a dozen classes chance could hold
out none; then, and only then, those nearest to the border cross it.
"""

import hashlib
from collections.abc import Mapping

LEAST_IMAGES = 2  # of a class that is held out: an episode has a support and a query image of each class
# Classes of so many images that each split gets at least. An episode has two classes. The test has two episodes without a common
# class: with fewer nobody can say what to expect on other classes, and no model would ever be blessed.
LEAST = {"train": 2, "val": 2, "test": 4}
TEST_SHARE = 0.2
SLACK = 0.25  # how far chance may be off the share, as a part of it


def dealt(images: Mapping[str, int], validation_split: float) -> dict[str, set[str]]:
    """Returns the class names of "train", "val" and "test". All are in "test" if they are too few to hold any out for training.

    Args:
      images: {class name: number of images}. The number decides only whether a class can be held out.
      validation_split: share of the classes outside "test" that is held out for validation.
    """
    if len(able(images)) < sum(LEAST.values()):
        return {"train": set(), "val": set(), "test": set(images)}
    test = held_out(images, TEST_SHARE, LEAST["test"], "test")
    rest = {name: number for name, number in images.items() if name not in test}
    val = held_out(rest, validation_split, LEAST["val"])
    return {"train": set(rest) - val, "val": val, "test": test}


def held_out(images: Mapping[str, int], share: float, least: int, purpose: str = "") -> set[str]:
    """Returns the names of the classes that are held out: those with a place below `share`, if they are about so many.

    If one class is added, at most one other changes its side.

    Args:
      images: {class name: number of images}.
      share: of the classes that can be held out.
      least: how many are held out, if two others are left.
      purpose: other places for another purpose, so that one choice does not depend on the other.
    """
    names = sorted(able(images), key=lambda name: place(name, purpose))
    low, high = (int(share * len(names) * (1 + way * SLACK) + 0.5) for way in (-1, 1))
    most = max(0, len(names) - LEAST["train"])
    by_name = sum(place(name, purpose) < share for name in names)
    return set(names[: min(max(min(by_name, high), low, least), most)])


def able(images: Mapping[str, int]) -> list[str]:
    """Returns the names of the classes that can be held out, because they have enough images for an episode."""
    return [name for name, number in images.items() if number >= LEAST_IMAGES]


def is_validation(class_name: str, validation_split: float) -> bool:
    """Returns whether the name alone holds a train class out, as where the other classes are not known before all is read."""
    return place(class_name) < validation_split


def place(class_name: str, purpose: str = "") -> float:
    """Returns a number in 0..1 that depends on the name and the purpose alone."""
    text = f"{purpose}\0{class_name}" if purpose else class_name
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
