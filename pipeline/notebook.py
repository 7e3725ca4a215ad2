"""Images of folders as arrays, for `MetaLearningModel` in a notebook."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.images.decode import decode
from components.fewshot.images.seen import Seen, see
from components.fewshot.settings.image import MAX_PIXELS, ImageSpec
from components.image_example_gen.ingest import facts_of
from data.annotations.listing import AnnotatedListing, list_annotated
from data.sources.folders import Rejected, list_folder
from pipeline.commands.inputs import contents, told_apart
from pipeline.commands.inspect import Looked, look

TOGETHER = 64  # files in memory at a time
LONGEST = 640  # pixels of the longer side of a picture with boxes


class Folder(NamedTuple):
    """The images of a folder of one folder of images a class.

    Attributes:
      images: uint8 [N, H, W, C].
      labels: names of their classes, [N] of str.
      set_aside: the files that cannot be read, with the reason of each.
    """

    images: np.ndarray
    labels: np.ndarray
    set_aside: list[Rejected]


class Scenes(NamedTuple):
    """The pictures of a folder, with what their annotations say is in them.

    Attributes:
      images: uint8 [h, w, 1 or 3] of each.
      boxes: float32 [n, 4] of each, ymin, xmin, ymax, xmax in 0..1.
      labels: names of the classes, n of each; None for a crowd, or what an annotator called difficult.
      set_aside: the pictures, annotations and objects that take no part, with the reason of each.
    """

    images: list[np.ndarray]
    boxes: list[np.ndarray]
    labels: list[list[str | None]]
    set_aside: list[Rejected]


def read_folder(path: str, image_shape: tuple[int, int, int] = (224, 224, 3)) -> Folder:
    """Reads the images of `path` as a pipeline does: any format, upright, over white; stretched to `image_shape` (H, W, C).

    Raises:
      ValueError: there is no such folder, or no image in it.
    """
    listed = list_folder(path)
    files, unfit = told_apart(listed.files, facts_of(listed.files, MAX_PIXELS))
    height, width, channels = image_shape
    spec = ImageSpec(height=height, width=width, channels=channels)
    parts = [files[start : start + TOGETHER] for start in range(0, len(files), TOGETHER)]
    read = [decode(tf.constant(contents(part)), spec).numpy() for part in parts]
    images = np.concatenate([np.zeros((0, *image_shape), np.uint8), *read])
    labels = np.array([file.class_name for file in files], np.str_)
    return Folder(images, labels, sorted([*listed.rejected, *unfit]))


def read_scenes(path: str, annotations: str | None = None, longest: int = LONGEST) -> Scenes:
    """Reads the pictures of `path` and their annotations as a pipeline does: VOC, COCO or YOLO; upright, over white.

    Args:
      path: the folder.
      annotations: a file or a folder of annotations, if those in the folder are not meant.
      longest: pixels of the longer side of a picture; larger ones are made smaller.

    Raises:
      ValueError: there is no such folder, or no annotated picture in it.
    """
    listed = list_annotated(path, annotations)
    files = [one.file for one in listed.pictures]
    looked = [look(one.told, fact) for one, fact in zip(listed.pictures, facts_of(files, MAX_PIXELS), strict=True)]
    there = [(file, one) for file, one in zip(files, looked, strict=True) if not one.fact.reason]
    images: list[np.ndarray] = []
    for start in range(0, len(there), TOGETHER):
        some = contents([file for file, _ in there[start : start + TOGETHER]])
        images += see(some, lambda _, seen: _smaller(seen, longest), MAX_PIXELS)
    boxes = [np.array([box[1:5] for box in one.boxes], np.float32).reshape(-1, 4) for _, one in there]
    labels = [[None if box.ignored else box.class_name for box in one.boxes] for _, one in there]
    return Scenes(images, boxes, labels, _set_aside(listed, looked))


def _smaller(seen: Seen, longest: int) -> np.ndarray:
    sides = seen.pixels.shape[:2]
    if max(sides) <= longest:
        return seen.pixels
    size = [max(1, round(side * longest / max(sides))) for side in sides]
    return tf.cast(tf.round(tf.image.resize(seen.pixels, size, antialias=True)), tf.uint8).numpy()


def _set_aside(listed: AnnotatedListing, looked: Sequence[Looked]) -> list[Rejected]:
    unread = [Rejected(one.fact.path, one.fact.reason) for one in looked if one.fact.reason]
    unfit = [*listed.unfit, *(each for one in looked for each in one.unfit)]
    objects = [Rejected(one.path, f"{one.which} {one.reason}") for one in unfit]
    unannotated = [Rejected(file.path, "no annotation says what is in it") for file in listed.unannotated]
    return sorted([*listed.rejected, *unread, *objects, *unannotated])
