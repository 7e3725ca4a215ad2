"""How models of each kind of task are evaluated.

What a kind has of its own in training is in `components.fewshot.kinds.KINDS`, which needs Keras. This needs none, so `fewshot
evaluate` and the workers of the evaluator start quickly.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.fewshot.episodes.episode import Episode
from components.fewshot.evaluation import detection_metrics, detections, metrics, results
from components.fewshot.evaluation.checks import check_independence, latency
from components.fewshot.evaluation.detection_judging import encode_scenes, judge_scenes
from components.fewshot.evaluation.detector_checks import check_detector, detector_latency
from components.fewshot.evaluation.features import embedded
from components.fewshot.evaluation.judging import encode_episode, judge, judge_by_features
from components.fewshot.evaluation.results import Result
from components.fewshot.evaluation.summary import Independence
from components.fewshot.images.store import ImageStore
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION


class Evaluation(NamedTuple):
    """How models of a kind are evaluated. What is encoded, answered and summed up is of its own types.

    Attributes:
      encode: reads the images of an episode once, for all models that are evaluated on it.
      judge: the result of a model on one encoded episode, and what it answered.
      read: the inverse of `results.to_json`.
      summarise: the metrics of many episodes.
      told: those of them that are told of a rival.
      check_independence: whether what a model says of a query depends on the other queries.
      latency: median milliseconds of calls of a model, on some encoded episodes.
    """

    encode: Callable[[ImageStore, Episode], Any]
    judge: Callable[[Any, Any], tuple[Result, Any]]
    read: Callable[[str], Result]
    summarise: Callable[[Iterable[Any]], Mapping[str, Any]]
    told: tuple[str, ...]
    check_independence: Callable[[Any, ImageStore, Sequence[Episode]], Independence]
    latency: Callable[[Any, Sequence[Any]], dict[str, float]]


EVALUATIONS: Mapping[str, Evaluation] = {
    CLASSIFICATION: Evaluation(
        encode_episode,
        judge,
        results.from_json,
        metrics.summarise,
        ("accuracy", "ci95", "over_classes", "log_loss", "ece", "episodes"),
        check_independence,
        latency,
    ),
    DETECTION: Evaluation(
        encode_scenes,
        judge_scenes,
        detections.from_json,
        detection_metrics.summarise,
        (
            *("ap50", "ci95", "over_classes", "mean_ap", "ap75", "precision", "recall", "false_positives", "ece"),
            "episodes",
        ),
        check_detector,
        detector_latency,
    ),
}


def evaluate(
    model: Any,
    store: ImageStore,
    episodes: Sequence[Episode],
    progress: Callable[[int], None] = lambda done: None,
    by_features: bool = False,
) -> Mapping[str, Any]:
    """The metrics of a model on episodes, as `summarise` of its kind has them; `by_features` embeds each image once."""
    found = []
    for result in (_by_features if by_features else _by_images)(model, store, episodes):
        found.append(result)
        progress(len(found))
    return EVALUATIONS[model.manifest.kind].summarise(found)


def _by_images(model: Any, store: ImageStore, episodes: Sequence[Episode]) -> Iterator[Result]:
    own = EVALUATIONS[model.manifest.kind]
    for episode in episodes:
        yield own.judge(model, own.encode(store, episode))[0]


def _by_features(model: Any, store: ImageStore, episodes: Sequence[Episode]) -> Iterator[Result]:
    with embedded(model, store, episodes) as features:
        for episode in episodes:
            yield judge_by_features(model, features, store.index, episode)
