"""`fewshot adapt`: adapts an exported model to one folder of images and predicts another. It does not need TFX."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.fewshot.serving.served import ServedModel
from data.sources.folders import ImageFile, has_image_suffix, list_folder
from pipeline.commands.inputs import find_model, set_aside
from pipeline.terminal.results import Prediction

BATCH = 256  # query images in memory at a time


def adapt(model: str, support: str, query: str) -> list[Prediction]:
    """Adapts to the classes of the folder `support` and predicts every image below the folder `query`.

    Returns:
      The most probable class of each image and its probability.

    Raises:
      ValueError: there is no model, no class or no query image, or an image cannot be read.
    """
    directory = find_model(model)
    learnt, asked = list_folder(support), every_image(query)
    names = sorted({file.class_name for file in learnt.files})
    if len(names) < 2:
        raise ValueError(f"--support {support}: expected at least 2 classes (folders of images), found {len(names)}")
    for refused in (*learnt.rejected, *set_aside([*learnt.files, *asked])):
        raise ValueError(f"{refused.path}: {refused.reason}; convert or remove it")
    labels = np.array([names.index(file.class_name) for file in learnt.files], np.int32)
    served = ServedModel(directory)
    state = served.adapt(contents(learnt.files), labels)
    # A transductive model looks at all queries together, so it gets them in one batch.
    size = BATCH if served.manifest.inductive else len(asked)
    batches = [asked[start : start + size] for start in range(0, len(asked), size)]
    return [
        {"path": file.path, "label": names[int(row.argmax())], "probability": float(row.max())}
        for batch in batches
        for file, row in zip(batch, served.predict(state, contents(batch)), strict=True)
    ]


def every_image(folder: str) -> list[ImageFile]:
    """Returns all images at any depth in `folder`, sorted by path. They have no class.

    Raises:
      ValueError: there is no such folder, or no image in it.
    """
    gfile = tf.io.gfile
    if not gfile.isdir(folder):
        raise ValueError(f"--query {folder}: no such folder; expected a folder of images")
    found = [os.path.join(at, name) for at, _, names in gfile.walk(folder) for name in names if has_image_suffix(name)]
    if not found:
        raise ValueError(f"--query {folder}: holds no image; expected at least one (.png, .jpg, .gif, .bmp, .webp)")
    return [ImageFile("", path, path, gfile.stat(path).length, 0) for path in sorted(found)]


def contents(files: Sequence[ImageFile]) -> list[bytes]:
    """Returns the bytes of each file."""
    found = []
    for file in files:
        with tf.io.gfile.GFile(file.path, "rb") as opened:
            found.append(opened.read())
    return found
