"""The side of every class that was ever dealt, in a file, so that a class never changes its side however images arrive.

The first deal is that of `data.sources.dealing`. From then on a new class has the side that its name gives it, whatever others
there are, and the classes before keep theirs.
"""

import json
import posixpath
from collections.abc import Mapping

from data.sources.dealing import TEST_SHARE, dealt, is_validation, place
from data.sources.splits import SPLITS, split_lists
from data.sources.tree import is_file

Sides = dict[str, set[str]]


def sides_of(ledger: str, images: Mapping[str, int], validation_split: float) -> Sides:
    """Returns the class names of "train", "val" and "test", without those that have no images now.

    Args:
      ledger: path of the file; it need not be there yet.
      images: {class name: number of images}.
      validation_split: share of the classes outside "test" that is held out for validation.

    Raises:
      ValueError: the file cannot be read.
    """
    sides = _extended(_read(ledger), images, validation_split)
    return {split: names & set(images) for split, names in sides.items()}


def remember(ledger: str, images: Mapping[str, int], validation_split: float) -> None:
    """Adds the classes that `sides_of` has dealt to the file, once there is something to train on.

    Raises:
      ValueError: the file cannot be read.
      OSError: it cannot be written.
    """
    before = _read(ledger)
    sides = _extended(before, images, validation_split)
    if sides != before and sides["train"]:
        _write(ledger, sides)


def _extended(known: Sides, images: Mapping[str, int], validation_split: float) -> Sides:
    if not any(known.values()):
        return dealt(images, validation_split)
    sides = {split: set(names) for split, names in known.items()}
    for name in images.keys() - set().union(*known.values()):
        held_out = "val" if is_validation(name, validation_split) else "train"
        sides["test" if place(name, "test") < TEST_SHARE else held_out].add(name)
    return sides


def _read(ledger: str) -> Sides:
    lists = split_lists(ledger) if is_file(ledger) else {}
    return {split: set(lists.get(split, ())) for split in SPLITS}


def _write(ledger: str, sides: Sides) -> None:
    """Under another name first, so that a reader finds the old file or the new one."""
    text = json.dumps({split: sorted(sides[split]) for split in SPLITS}, indent=1, ensure_ascii=False) + "\n"
    import tensorflow as tf  # takes seconds to import, and whoever only lists images does not need it

    tf.io.gfile.makedirs(posixpath.dirname(ledger) or ".")
    with tf.io.gfile.GFile(f"{ledger}.new", "w") as file:
        file.write(text)
    tf.io.gfile.rename(f"{ledger}.new", ledger, overwrite=True)
