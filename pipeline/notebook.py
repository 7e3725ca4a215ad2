"""Images of folders as arrays, for `MetaLearningModel` in a notebook."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.images.decode import decode
from components.fewshot.settings.image import MAX_PIXELS, ImageSpec
from components.image_example_gen.ingest import facts_of
from data.sources.folders import Rejected, list_folder
from pipeline.commands.inputs import contents, told_apart

TOGETHER = 64  # files in memory at a time


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
