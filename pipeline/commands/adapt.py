"""`fewshot adapt` for models that name whole images: adapts to the classes of a folder and predicts. It does not need TFX."""

import csv
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.served_state import ServedState
from data.sources.folders import ImageFile, Rejected, list_folder
from data.sources.splits import differ_by_case
from pipeline.commands.inputs import contents, examined, find_model, first_of, read_queries, remembered, told_apart
from pipeline.commands.page import write_page
from pipeline.terminal.results import Adapted, Prediction, as_set_aside

BATCH = 256  # query images in memory at a time


def adapt(
    model: str,
    support: str | None = None,
    query: str | None = None,
    state: str | None = None,
    save_state: str | None = None,
    html: str | None = None,
) -> Adapted:
    """Adapts to the classes of the folder `support`, or takes up a task state, and predicts every image at `query`.

    Images that cannot be read are set aside, as long as each class keeps one and there is one to predict.

    Args:
      model: an exported model, or a push destination.
      support: a folder of one folder of images per class; None if there is a `state`.
      query: a folder of images, at any depth, or one image; None if nothing is predicted.
      state: a file that an earlier call wrote.
      save_state: a file to write the task state to.
      html: a file to write a page of small pictures to, if anything is predicted.

    Returns:
      The predictions, and what was set aside or passed over.

    Raises:
      ValueError: there is no model, fewer than two classes, a class without an image that can be read, no such query, or no
        task state of this model.
    """
    directory = find_model(model)
    served = ServedModel(directory)
    with _starting(served):
        learnt = None if support is None else _read_support(support, directory)
        asked = None if query is None else read_queries(query, directory)
    adapted = learnt.adapted(served) if learnt else remembered(state or "")
    result: Adapted = {
        "predictions": _predictions(served, adapted, asked.files) if asked else [],
        "none_of_these": served.manifest.none_of_these,
        "state": save_state,
        "set_aside": as_set_aside(asked.unfit if asked else []),
        "support_set_aside": as_set_aside(learnt.unfit if learnt else []),
        "passed_over": (learnt.passed_over if learnt else {}) | (asked.passed_over if asked else {}),
        "differ_by_case": differ_by_case(adapted.names),
    }
    if save_state:
        adapted.save(save_state)
    if html:
        write_page(html, result, learnt.files if learnt else [])
    return result


@contextmanager
def _starting(served: ServedModel) -> Iterator[None]:
    """Starts the graph of the network meanwhile, on no image: that takes seconds, and none of Python's time."""
    with ThreadPoolExecutor(1) as pool:
        if served.takes_features:
            pool.submit(served.embed, [])
        yield


class _Support(NamedTuple):
    """Images of a support set that the model can read, those that it cannot, and what was passed over."""

    files: list[ImageFile]
    unfit: list[Rejected]
    passed_over: dict[str, int]

    def adapted(self, served: ServedModel) -> ServedState:
        """Returns the task state of these images."""
        names = sorted({file.class_name for file in self.files})
        labels = np.array([names.index(file.class_name) for file in self.files], np.int32)
        images = contents(self.files)
        # By features the graph of the network starts once, and not once more in `predict`.
        state = (
            served.adapt_features(served.embed(images), labels)
            if served.takes_features
            else served.adapt(images, labels)
        )
        return state._replace(names=tuple(names))


def _read_support(support: str, model: str) -> _Support:
    listed = list_folder(support)
    names = {file.class_name for file in listed.files}
    if len(names) < 2:
        raise ValueError(f"--support {support}: expected at least 2 classes (folders of images), found {len(names)}")
    shown, unfit = told_apart(listed.files, examined(listed.files, model))
    check_classes_left(support, listed.files, shown, unfit)
    return _Support(shown, [*listed.rejected, *unfit], listed.passed_over)


def _predictions(served: ServedModel, state: ServedState, queries: Sequence[ImageFile]) -> list[Prediction]:
    # A transductive model looks at all queries together, so it gets them in one batch.
    size = BATCH if served.manifest.inductive else len(queries)
    batches = [queries[start : start + size] for start in range(0, len(queries), size)]
    found: list[Prediction] = []
    for batch in batches:
        images = contents(batch)
        if served.takes_features:
            answers = served.answers_by_features(state, served.embed(images))
        else:
            answers = served.answers(state, images)
        strange = served.is_none_of_these(answers.familiarity)
        found += [_prediction(*one, state.names) for one in zip(batch, *answers, strange, strict=True)]
    return found


def check_classes_left(
    support: str, files: Sequence[ImageFile], readable: Sequence[ImageFile], unfit: Sequence[Rejected]
) -> None:
    """Raises ValueError if no image of a class can be read."""
    lost = sorted({file.class_name for file in files} - {file.class_name for file in readable})
    if lost:
        paths = {file.path for file in files if file.class_name == lost[0]}
        first = first_of([one for one in unfit if one.path in paths])
        more = f", nor of {len(lost) - 1:,} more" if len(lost) > 1 else ""
        raise ValueError(
            f"--support {support}: no image of class {lost[0]!r} can be read{more} ({first}): convert them, or remove the folder"
        )


def check_file(option: str, path: str | None) -> None:
    """Raises ValueError if there is no folder to write the file of an option in."""
    folder = os.path.dirname(path or "")
    if folder and not tf.io.gfile.isdir(folder):
        raise ValueError(f"{option} {path}: no such folder; create {folder!r} first")
    if path and tf.io.gfile.isdir(path):
        raise ValueError(f"{option} {path}: expected the name of a file, got a folder")


def write_csv(path: str, predictions: Sequence[Prediction]) -> None:
    """Writes a line for each image: its path, label and probability, whether it is of none of the classes, and then the
    probability of each class."""
    classes = list(predictions[0]["probabilities"])
    with tf.io.gfile.GFile(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["path", "label", "probability", "none_of_these", *classes])
        for one in predictions:
            told = one["path"], one["label"], one["probability"], str(one["none_of_these"]).lower()
            lines.writerow([*told, *one["probabilities"].values()])


def _prediction(
    file: ImageFile, row: np.ndarray, familiarity: float, strange: bool, names: Sequence[str]
) -> Prediction:
    best = int(row.argmax())
    probabilities = {name: float(value) for name, value in zip(names, row, strict=True)}
    return {
        "path": file.path,
        "label": names[best],
        "probability": float(row[best]),
        "none_of_these": bool(strange),
        "familiarity": float(familiarity),
        "probabilities": probabilities,
    }
