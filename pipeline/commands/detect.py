"""`fewshot adapt` for models that find objects: adapts to marked objects and looks for more of them. It does not need TFX."""

import csv
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.serving.served_state import ServedState
from components.image_example_gen.facts import Fact
from data.sources.folders import ImageFile
from data.sources.splits import differ_by_case
from pipeline.commands.inputs import contents, find_model, read_queries, remembered
from pipeline.commands.marked import Support, read_support
from pipeline.terminal.results import Detected, DetectedPicture, FoundObject, as_set_aside

BATCH = 64  # query pictures in memory at a time


class Found(NamedTuple):
    """What a call found: the result, the name of each picture below its folder, and what was learnt from, if anything."""

    result: Detected
    names: list[str]
    learnt: Support | None


def detect(
    model: str,
    support: str | None = None,
    query: str | None = None,
    annotations: str | None = None,
    state: str | None = None,
    save_state: str | None = None,
    threshold: float | None = None,
) -> Found:
    """Adapts to the marked objects in the folder `support`, or takes up a task state, and looks at every picture at `query`.

    Pictures and objects that cannot be read are set aside, as long as each class keeps an object, and a picture is left.

    Args:
      model: an exported detector, or a push destination.
      support: a folder of annotated pictures; None if there is a `state`.
      query: a folder of pictures, at any depth, or one; None if none is looked at.
      annotations: a file or a folder of annotations, if those of `support` lie elsewhere.
      state: a file that an earlier call wrote.
      save_state: a file to write the task state to.
      threshold: score from which on objects are shown; that of the model by default.

    Returns:
      What was found, set aside and passed over.

    Raises:
      ValueError: there is no model, a class without an object that can be learnt from, no such query, or no task state of this
        model.
    """
    directory = find_model(model)
    served = ServedDetector(directory)
    least = served.threshold if threshold is None else threshold
    learnt = None if support is None else read_support(support, annotations, directory)
    asked = None if query is None else read_queries(query, directory)
    adapted = learnt.adapted(served) if learnt else remembered(state or "")
    result: Detected = {
        "pictures": _looked_at(served, adapted, asked.files, asked.facts, least) if asked else [],
        "classes": list(adapted.names),
        "threshold": least,
        "score_threshold": served.manifest.score_threshold,
        "state": save_state,
        "set_aside": as_set_aside(asked.unfit if asked else []),
        "support_set_aside": as_set_aside(learnt.unfit if learnt else []),
        "support_objects_set_aside": [
            {"path": one.path, "object": one.which, "reason": one.reason}
            for one in (learnt.unfit_objects if learnt else [])
        ],
        "ignored": learnt.ignored if learnt else 0,
        "unannotated": learnt.unannotated if learnt else [],
        "passed_over": (learnt.passed_over if learnt else {}) | (asked.passed_over if asked else {}),
        "differ_by_case": differ_by_case(adapted.names),
        "notes": learnt.notes if learnt else [],
    }
    if save_state:
        adapted.save(save_state)
    return Found(result, [fact.source_id for fact in asked.facts] if asked else [], learnt)


def write_table(path: str, pictures: Sequence[DetectedPicture]) -> None:
    """Writes a line for each object: the path of its picture, its label and score, and ymin, xmin, ymax and xmax in 0..1. There
    is none for a picture in which nothing was found."""
    with tf.io.gfile.GFile(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["path", "label", "score", "ymin", "xmin", "ymax", "xmax"])
        for picture in pictures:
            for one in picture["objects"]:
                lines.writerow([picture["path"], one["label"], one["score"], *one["box"]])


def _looked_at(
    served: ServedDetector, state: ServedState, files: Sequence[ImageFile], facts: Sequence[Fact], least: float
) -> list[DetectedPicture]:
    # What is found in a picture depends on no other, so there may be any number in a batch.
    pictures: list[DetectedPicture] = []
    for start in range(0, len(files), BATCH):
        some = slice(start, start + BATCH)
        found = served.detect(state, contents(files[some]))
        for fact, boxes, scores, classes in zip(facts[some], *found, strict=True):
            shown = np.flatnonzero((classes >= 0) & (scores >= least))
            objects = [_object(boxes[i], float(scores[i]), state.names[classes[i]]) for i in shown]
            pictures.append({"path": fact.path, "height": fact.height, "width": fact.width, "objects": objects})
    return pictures


def _object(box: np.ndarray, score: float, name: str) -> FoundObject:
    ymin, xmin, ymax, xmax = map(float, box)
    return {"label": name, "score": score, "box": (ymin, xmin, ymax, xmax)}
