"""The result of one model on one episode: what every kind of task says of it; and how that of classification is scored and
written."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

BINS = 15  # of confidence, as in Guo et al. 2017
LEAST_PROBABILITY = 1e-7  # below it a probability counts as this in the log loss


class Result(Protocol):
    """What summaries and comparisons need of the result of one model on one episode; each kind of task has its own."""

    @property
    def index(self) -> int:
        """Number of the episode."""

    @property
    def shot(self) -> int:
        """Support images, or objects, of a class."""

    @property
    def way(self) -> int:
        """Number of classes."""

    @property
    def names(self) -> frozenset[str]:
        """Names of its classes."""

    @property
    def figure(self) -> float:
        """The figure in 0..1 that models are compared by."""


class Bin(NamedTuple):
    """Queries whose highest probability falls into one bin."""

    count: int  # type: ignore[assignment]  # shadows tuple.count
    confidence: float  # sum
    correct: int


class ClassResult(NamedTuple):
    """The queries of one class of an episode."""

    name: str  # without its turn: a class and the same class turned share their images
    domain: str
    queries: int
    correct: int


class Confused(NamedTuple):
    """Queries of one class of an episode that were predicted as another."""

    label: int
    predicted: int
    queries: int


class EpisodeResult(NamedTuple):
    """The result of one model on one episode."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    shot: int
    log_loss: float  # mean over queries
    bins: tuple[Bin, ...]
    classes: tuple[ClassResult, ...]  # by label
    confused: tuple[Confused, ...] = ()
    known_scores: tuple[float, ...] = ()  # familiarity of each query, kept where there are distractors
    unknown_scores: tuple[float, ...] = ()

    @property
    def way(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def queries(self) -> int:
        """Number of queries, without distractors."""
        return sum(one.queries for one in self.classes)

    @property
    def correct(self) -> int:
        """Number of queries that are classified correctly."""
        return sum(one.correct for one in self.classes)

    @property
    def accuracy(self) -> float:
        """Share of queries that are classified correctly."""
        return self.correct / self.queries

    @property
    def figure(self) -> float:
        """Its accuracy."""
        return self.accuracy

    @property
    def names(self) -> frozenset[str]:
        """Names of its classes."""
        return frozenset(one.name for one in self.classes)


def to_json(result: Any) -> str:
    """One line of JSON, of a result of any kind; `from_json` beside the type of the result is its inverse, to the last digit."""
    return json.dumps(result._asdict(), ensure_ascii=False)


def from_json(line: str) -> EpisodeResult:
    """Inverse of `to_json`."""
    fields = json.loads(line)
    fields["bins"] = tuple(Bin(*one) for one in fields["bins"])
    fields["classes"] = tuple(ClassResult(*one) for one in fields["classes"])
    fields["confused"] = tuple(Confused(*one) for one in fields["confused"])
    for key in ("known_scores", "unknown_scores"):
        fields[key] = tuple(fields[key])
    return EpisodeResult(**fields)


def score(
    index: int,
    shot: int,
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[tuple[str, str]],
    familiarity: np.ndarray | None = None,
) -> EpisodeResult:
    """Scores probabilities [Q, W] against labels [Q] (-1: a distractor); `classes` [W] are (name, domain).

    Where there are distractors, the result keeps the `familiarity` [Q] of all queries: the highest probability if none is given.

    Raises:
      ValueError: a probability is not finite.
    """
    if not np.isfinite(probabilities).all():
        raise ValueError(f"episode {index}: expected probabilities, got some that are not finite; the model is broken")
    known = labels >= 0
    confidence, predicted = probabilities.max(1).astype(np.float64), probabilities.argmax(1)
    hit = predicted[known] == labels[known]
    own = probabilities[known, labels[known]].astype(np.float64)
    place = np.minimum((confidence[known] * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int(here.sum()), math.fsum(confidence[known][here]), int(hit[here].sum()))
        for here in (place == b for b in range(BINS))
    )
    of_class = [labels[known] == label for label in range(len(classes))]
    by_class = tuple(
        ClassResult(name, domain, int(here.sum()), int(hit[here].sum()))
        for (name, domain), here in zip(classes, of_class, strict=True)
    )
    wrong = Counter(zip(labels[known][~hit].tolist(), predicted[known][~hit].tolist(), strict=True))
    confused = tuple(Confused(*pair, count) for pair, count in sorted(wrong.items()))
    familiar = confidence if familiarity is None else familiarity.astype(np.float64)
    scores = (tuple(familiar[known]), tuple(familiar[~known])) if (~known).any() else ((), ())
    losses = -np.log(np.maximum(own, LEAST_PROBABILITY))
    return EpisodeResult(index, shot, math.fsum(losses) / len(losses), bins, by_class, confused, *scores)
