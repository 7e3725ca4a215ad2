"""Whether a served model adapts to classes that it has never met as well as to those that it was tested on."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from scipy.special import stdtrit

from components.fewshot.episodes.episode import ClassIndex, Episode, EpisodeSpec
from components.fewshot.episodes.fitting import fitted_within
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.judging import classes_of
from components.fewshot.evaluation.results import EpisodeResult, score
from components.fewshot.serving.served import Answers, ServedModel

EPISODES = 200


class Bounds(TypedDict):
    """A 95 % interval."""

    low: float
    high: float


class Adapting(TypedDict):
    """The accuracy of the model in production on queries of new and of known classes, in the same episodes.

    `difference` is that of new classes minus that of known ones, with Welch's interval over classes (1947), which is None with
    fewer than two classes of a kind.
    """

    way: int | list[int]
    shot: int | list[int]
    query: int
    episodes: int
    new_classes: int
    known_classes: int
    accuracy: float  # on new classes
    known_accuracy: float
    difference: float
    bounds: Bounds | None


class Pool(NamedTuple):
    """Images of new and of known classes, class by class.

    Attributes:
      classes: the names are all different.
      new: names of the new classes.
      encoded: the images, in the order of rows.
      features: float32 [n, D], of a model that takes features, otherwise None.
    """

    classes: ClassIndex
    new: frozenset[str]
    encoded: Sequence[bytes]
    features: np.ndarray | None


def adapting(model: ServedModel, pool: Pool, spec: EpisodeSpec, seed: int) -> Adapting | None:
    """Judges a model on episodes of new and known classes together.

    Args:
      model: the model in production.
      pool: what episodes are drawn from.
      spec: of the episodes that it was tested on; fewer ways and queries are asked for where images are few.
      seed: of the episodes.

    Returns:
      None where the images are too few for an episode, or one kind of class is in none.
    """
    fit = fitted_within(spec.model_copy(update={"rotations": False}), pool.classes)  # the pool's images are not turned
    try:
        sampler = EpisodeSampler(pool.classes, fit, seed)
    except ValueError:
        return None
    if model.manifest.fixed_way not in (None, fit.way):
        return None
    results = [_judged(model, pool, sampler(number)) for number in range(EPISODES)]
    return compared(results, pool.new, fit)


def compared(results: Sequence[EpisodeResult], new: frozenset[str], spec: EpisodeSpec) -> Adapting | None:
    """The figures of results; None where one kind of class is in none of them."""
    right: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for one in result.classes:
            right[one.name].append(one.correct / one.queries)
    means = {name: math.fsum(shares) / len(shares) for name, shares in right.items()}
    sides = [[mean for name, mean in means.items() if (name in new) is is_new] for is_new in (True, False)]
    if not all(sides):
        return None
    ours, known = (math.fsum(side) / len(side) for side in sides)
    return {
        "way": list(spec.way) if isinstance(spec.way, tuple) else spec.way,
        "shot": list(spec.shot) if isinstance(spec.shot, tuple) else spec.shot,
        "query": spec.query,
        "episodes": len(results),
        "new_classes": len(sides[0]),
        "known_classes": len(sides[1]),
        "accuracy": ours,
        "known_accuracy": known,
        "difference": ours - known,
        "bounds": welch(*sides),
    }


def welch(ours: Sequence[float], theirs: Sequence[float]) -> Bounds | None:
    """95 % interval of the difference between the means of two kinds of classes; None with fewer than two of a kind."""
    if min(len(ours), len(theirs)) < 2:
        return None
    parts = [np.var(side, ddof=1) / len(side) for side in (ours, theirs)]
    middle, variance = float(np.mean(ours) - np.mean(theirs)), float(sum(parts))
    if not variance:
        return {"low": middle, "high": middle}
    freedom = variance**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (ours, theirs), strict=True))
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return {"low": middle - half, "high": middle + half}


def _judged(model: ServedModel, pool: Pool, episode: Episode) -> EpisodeResult:
    answers = _answers(model, pool, episode)
    classes = classes_of(pool.classes, episode)
    return score(episode.index, episode.shot, answers.probabilities, episode.query.labels, classes, answers.familiarity)


def _answers(model: ServedModel, pool: Pool, episode: Episode) -> Answers:
    support, query = episode.support.rows, episode.query.rows
    if pool.features is None:
        files = [[pool.encoded[row] for row in rows] for rows in (support, query)]
        return model.episode_answers(files[0], episode.support.labels, files[1])
    return model.answers_by_features(
        model.adapt_features(pool.features[support], episode.support.labels), pool.features[query]
    )
