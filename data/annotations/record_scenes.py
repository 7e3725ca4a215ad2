"""Images with boxes in TFRecords: which classes are on which side. The files are read for it, once."""

from collections import Counter
from typing import NamedTuple

from data.annotations.records import read_scene_records
from data.annotations.scenes import classes_of, side_of, sides_of_classes
from data.settings import ImageSetSettings
from data.sources.records import record_files, record_name
from data.sources.splits import SPLITS


class RecordSides(NamedTuple):
    """The classes of each split, and the number of its images that show each."""

    sides: dict[str, set[str]]
    classes: dict[str, Counter[str]]


def record_sides(settings: ImageSetSettings) -> RecordSides:
    """Returns the sides of the classes in all files.

    Raises:
      ValueError: a file is damaged, or the test has no class of its own.
    """
    told = {
        split: [
            record.told
            for file in files
            for record in read_scene_records(file, record_name(settings, split, file))
            if not record.told.reason
        ]
        for split, files in record_files(settings).items()
    }
    images = {split: Counter(name for one in every for name in classes_of(one)) for split, every in told.items()}
    sides = sides_of_classes(settings, images)
    classes = {split: Counter[str]() for split in SPLITS}
    for split, every in told.items():
        for one in every:
            side = side_of(split, one, sides)
            classes[side].update(classes_of(one) & sides[side])
    return RecordSides(sides, classes)
