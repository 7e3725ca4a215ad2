"""`fewshot adapt`: adapts an exported model to the classes of a folder and predicts images. It does not need TFX."""

import csv
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.fewshot.serving.served import ServedModel
from data.sources.folders import ImageFile, Rejected, list_folder, list_images
from data.sources.splits import differ_by_case
from pipeline.commands.inputs import find_model, told_apart
from pipeline.terminal.results import Adapted, Prediction, as_set_aside

BATCH = 256  # query images in memory at a time


def adapt(model: str, support: str, query: str) -> Adapted:
    """Adapts to the classes of the folder `support` and predicts every image at `query`, a folder or a file.

    Images that cannot be read are set aside, as long as each class keeps one and there is one to predict.

    Returns:
      The predictions, and what was set aside or passed over.

    Raises:
      ValueError: there is no model, fewer than two classes, a class without an image that can be read, or no such query.
    """
    directory = find_model(model)
    learnt, asked = list_folder(support), list_images(query)
    names = sorted({file.class_name for file in learnt.files})
    if len(names) < 2:
        raise ValueError(f"--support {support}: expected at least 2 classes (folders of images), found {len(names)}")
    shown, unfit = told_apart(learnt.files, directory)
    check_classes_left(support, learnt.files, shown, unfit)
    queries, unread = told_apart(asked.files, directory)
    if not queries:
        raise ValueError(f"--query {query}: no image can be read ({_first(unread)}): convert or replace them")
    served = ServedModel(directory)
    state = served.adapt(contents(shown), np.array([names.index(file.class_name) for file in shown], np.int32))
    # A transductive model looks at all queries together, so it gets them in one batch.
    size = BATCH if served.manifest.inductive else len(queries)
    batches = [queries[start : start + size] for start in range(0, len(queries), size)]
    return {
        "predictions": [
            _prediction(file, names, row)
            for batch in batches
            for file, row in zip(batch, served.predict(state, contents(batch)), strict=True)
        ],
        "set_aside": as_set_aside(unread),
        "support_set_aside": as_set_aside([*learnt.rejected, *unfit]),
        "passed_over": learnt.passed_over | asked.passed_over,
        "differ_by_case": differ_by_case(names),
    }


def check_classes_left(
    support: str, files: Sequence[ImageFile], readable: Sequence[ImageFile], unfit: Sequence[Rejected]
) -> None:
    """Raises ValueError if no image of a class can be read."""
    lost = sorted({file.class_name for file in files} - {file.class_name for file in readable})
    if lost:
        paths = {file.path for file in files if file.class_name == lost[0]}
        first = _first([one for one in unfit if one.path in paths])
        more = f", nor of {len(lost) - 1:,} more" if len(lost) > 1 else ""
        raise ValueError(
            f"--support {support}: no image of class {lost[0]!r} can be read{more} ({first}): convert them, or remove the folder"
        )


def check_csv(path: str) -> None:
    """Raises ValueError if there is no folder to write a file of predictions in."""
    folder = os.path.dirname(path)
    if folder and not tf.io.gfile.isdir(folder):
        raise ValueError(f"--csv {path}: no such folder; create {folder!r} first")
    if tf.io.gfile.isdir(path):
        raise ValueError(f"--csv {path}: expected the name of a file, got a folder")


def write_csv(path: str, predictions: Sequence[Prediction]) -> None:
    """Writes a line for each image: its path, label and probability, and then the probability of each class."""
    classes = list(predictions[0]["probabilities"])
    with tf.io.gfile.GFile(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["path", "label", "probability", *classes])
        for one in predictions:
            lines.writerow([one["path"], one["label"], one["probability"], *one["probabilities"].values()])


def contents(files: Sequence[ImageFile]) -> list[bytes]:
    """Returns the bytes of each file."""
    found = []
    for file in files:
        with tf.io.gfile.GFile(file.path, "rb") as opened:
            found.append(opened.read())
    return found


def _prediction(file: ImageFile, names: Sequence[str], row: np.ndarray) -> Prediction:
    best = int(row.argmax())
    probabilities = {name: float(value) for name, value in zip(names, row, strict=True)}
    return {
        "path": file.path,
        "label": names[best],
        "probability": float(row[best]),
        "probabilities": probabilities,
    }


def _first(unread: Sequence[Rejected]) -> str:
    more = f"; and {len(unread) - 1:,} more" if len(unread) > 1 else ""
    return f"{unread[0].path}: {unread[0].reason}{more}"
