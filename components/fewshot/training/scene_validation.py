"""How good a detector is on validation episodes, and the score from which on it shows what it finds."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypedDict

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Episode
from components.fewshot.episodes.scene_draw import queries
from components.fewshot.episodes.scene_task import SceneTask
from components.fewshot.episodes.scenes import Detections
from components.fewshot.evaluation.detections import Truth, score
from components.fewshot.evaluation.matching import match
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.scene_feed import objects_in, scene_task, scene_task_signature
from components.fewshot.learners.interface import Learner
from components.fewshot.training.episode_logits import Validation
from components.fewshot.training.history import Validated
from components.fewshot.training.selection import standard_error


class ScoreThreshold(TypedDict):
    """The score from which on a detector shows what it finds, and what is right of what it shows (`precision`) and shown of what
    there is (`recall`), over `episodes` validation episodes."""

    threshold: float
    precision: float
    recall: float
    episodes: int


class SceneValidator:
    """Evaluates a detector with its current weights on the episodes of `validation`: its figure is AP50."""

    def __init__(self, learner: Learner, validation: Validation) -> None:
        self._episodes = validation.episodes
        self._found = found_by(learner, validation)

    def __call__(self, step: int) -> tuple[Validated, np.ndarray]:
        """The row of the history after `step` steps, and the AP50 of each episode, float64 [E]; the loss is what lacks to 1."""
        figures = np.array(
            [
                score(one.index, one.shot, found, truth, [("", "")] * one.way, 0.0).figure
                for one, (found, truth) in zip(self._episodes, self._found(self._episodes), strict=True)
            ]
        )
        row: Validated = {
            "step": step,
            "accuracy": float(figures.mean()),
            "ci95": 1.96 * standard_error(figures),
            "loss": float(1 - figures.mean()),
        }
        return row, figures


Found = Callable[[Sequence[Episode]], Iterator[tuple[Detections, Truth]]]
"""What is found in the queries of episodes, as arrays, and what there is."""


def found_by(learner: Learner, validation: Validation) -> Found:
    """What a detector finds after adapting as for any new task, with the weights that it has then."""
    store, objects = validation.store, objects_in(validation.store)

    @tf.function(autograph=False, input_signature=[scene_task_signature(store)])
    def detect(task: SceneTask) -> Detections:
        task, weights = task.with_images(to_unit_range), learner.values()
        state = learner.adapt(weights, task.support, task.support_labels, task.way)
        return learner.predict(weights, state, task.query.images)

    def found(episodes: Sequence[Episode]) -> Iterator[tuple[Detections, Truth]]:
        for episode in episodes:
            task, truth = scene_task(store, episode), queries(objects, episode)
            height, width = task.query.images.shape[1:3]
            pixels = np.full(len(truth.labels), height * width)
            yield Detections(*(np.asarray(part) for part in detect(task))), Truth(truth.boxes, truth.labels, pixels)

    return found


def choose_score(learner: Learner, validation: Validation) -> ScoreThreshold:
    """The threshold with the highest F1 (the harmonic mean of precision and recall) on validation episodes."""
    scores, hits, objects = [], [], 0
    for found, truth in found_by(learner, validation)(validation.episodes):
        outcome = match(found.boxes, found.classes, truth.boxes, truth.labels, truth.pixels, ("all",))
        counted = outcome.right[0, 0] | outcome.wrong[0, 0]
        scores.append(found.scores[counted])
        hits.append(outcome.right[0, 0][counted])
        objects += int(outcome.objects[0].sum())
    return best_score(np.concatenate(scores), np.concatenate(hits), objects, len(validation.episodes))


def best_score(scores: np.ndarray, right: np.ndarray, objects: int, episodes: int) -> ScoreThreshold:
    """The best threshold for detections with these scores [N], of which some are right [N], where there are so many objects.

    Where nothing right was found it is 1, and nothing is shown.
    """
    if not right.any():
        return {"threshold": 1.0, "precision": 0.0, "recall": 0.0, "episodes": episodes}
    order = np.argsort(-scores, kind="stable")
    shown, found = np.arange(1, len(scores) + 1), right[order].cumsum()
    last = np.append(np.diff(scores[order]) != 0, True)  # of those with the same score: all of them are shown, or none
    f1 = np.where(last, 2 * found / (shown + objects), -1.0)
    place = int(f1.argmax())
    threshold, count = float(scores[order][place]), int(found[place])
    return {
        "threshold": threshold,
        "precision": count / int(shown[place]),
        "recall": count / objects,
        "episodes": episodes,
    }
