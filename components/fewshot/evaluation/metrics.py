"""The metrics of episodes and their summary. Sums are exact, so any order and any number of workers give the same digits."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.evaluation.summary import Difference, DomainAccuracy, Interval, ReliabilityBin, Summary

BINS = 15  # of confidence, as in Guo et al. 2017
HISTOGRAM_BINS = 20  # of episodes by accuracy
LEAST_PROBABILITY = 1e-7  # below it a probability counts as this in the log loss


class Bin(NamedTuple):
    """Queries whose highest probability falls into one bin."""

    count: int  # type: ignore[assignment]  # shadows tuple.count
    confidence: float  # sum
    correct: int


class EpisodeResult(NamedTuple):
    """The result of one model on one episode."""

    index: int  # type: ignore[assignment]  # shadows tuple.index
    way: int
    shot: int
    queries: int  # without distractors
    correct: int
    log_loss: float  # mean over queries
    bins: tuple[Bin, ...]
    domains: dict[str, tuple[int, int]]  # (queries, correct) of the classes of a domain
    known_scores: tuple[float, ...] = ()  # highest probability of each query, kept where there are distractors
    unknown_scores: tuple[float, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of queries that are classified correctly."""
        return self.correct / self.queries


def to_json(result: EpisodeResult) -> str:
    """One line of JSON; `from_json` is its inverse, to the last digit."""
    return json.dumps(result._asdict())


def from_json(line: str) -> EpisodeResult:
    """Inverse of `to_json`."""
    fields = json.loads(line)
    fields["bins"] = tuple(Bin(*one) for one in fields["bins"])
    fields["domains"] = {name: tuple(counts) for name, counts in fields["domains"].items()}
    for key in ("known_scores", "unknown_scores"):
        fields[key] = tuple(fields[key])
    return EpisodeResult(**fields)


def score(
    index: int, shot: int, probabilities: np.ndarray, labels: np.ndarray, domains: Sequence[str]
) -> EpisodeResult:
    """Scores probabilities [Q, W] against labels [Q] (-1: a distractor); `domains` [W] are those of the classes.

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
    of_domain = np.array(domains, object)[labels[known]]
    by_domain = {d: (int((of_domain == d).sum()), int(hit[of_domain == d].sum())) for d in sorted(set(domains))}
    scores = (tuple(confidence[known]), tuple(confidence[~known])) if (~known).any() else ((), ())
    losses = -np.log(np.maximum(own, LEAST_PROBABILITY))
    return EpisodeResult(
        index,
        probabilities.shape[1],
        shot,
        int(known.sum()),
        int(hit.sum()),
        math.fsum(losses) / len(losses),
        bins,
        by_domain,
        *scores,
    )


def summarise(results: Iterable[EpisodeResult]) -> Summary:
    """The metrics of many episodes.

    Returns:
      accuracy, ci95 (half-width), log_loss, ece, episodes, by_shot, by_way, by_domain (worst first), worst_domain,
      histogram, reliability, and distractor_auroc where episodes have distractors.

    Raises:
      ValueError: no episode.
    """
    results = sorted(results, key=lambda result: result.index)
    if not results:
        raise ValueError("no episode was judged: expected at least one")
    reliability = _reliability(results)
    by_domain = _by_domain(results)
    summary: Summary = {
        **interval([result.accuracy for result in results]),
        "log_loss": math.fsum(result.log_loss for result in results) / len(results),
        "ece": expected_calibration_error(reliability),
        "by_shot": _grouped(results, lambda result: result.shot),
        "by_way": _grouped(results, lambda result: result.way),
        "by_domain": by_domain,
        "worst_domain": by_domain[0] if by_domain else None,
        "histogram": np.histogram([r.accuracy for r in results], HISTOGRAM_BINS, (0, 1))[0].tolist(),
        "reliability": reliability,
    }
    known = [score for result in results for score in result.known_scores]
    unknown = [score for result in results for score in result.unknown_scores]
    if unknown:
        summary["distractor_auroc"] = auroc(known, unknown)
    return summary


def interval(values: Sequence[float]) -> Interval:
    """Mean of per-episode accuracies with the half-width of its 95 % interval (normal, 1.96 standard errors)."""
    mean, half = mean_and_ci95(values)
    return {"accuracy": mean, "ci95": half, "episodes": len(values)}


def paired_difference(ours: Iterable[EpisodeResult], theirs: Iterable[EpisodeResult]) -> Difference:
    """Mean and ci95 of the accuracy difference, episode by episode.

    Raises:
      ValueError: they were not judged on the same episodes.
    """
    a, b = ({result.index: result.accuracy for result in results} for results in (ours, theirs))
    if a.keys() != b.keys():
        raise ValueError(
            f"paired comparison needs the same episodes, got {len(a)} and {len(b)}, {len(a.keys() & b)} shared"
        )
    mean, half = mean_and_ci95([a[index] - b[index] for index in sorted(a)])
    return {"mean": mean, "ci95": half}


def mean_and_ci95(values: Sequence[float]) -> tuple[float, float]:
    """Mean and 1.96 standard errors (n - 1 in the variance; 0 for one value), by exact sums."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, 0.0
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, 1.96 * math.sqrt(variance / count)


def expected_calibration_error(reliability: Sequence[ReliabilityBin]) -> float:
    """Mean gap between confidence and accuracy over bins, weighted by count (Guo et al. 2017)."""
    total = sum(row["count"] for row in reliability)
    return math.fsum(abs(row["confidence"] - row["accuracy"]) * row["count"] for row in reliability) / total


def auroc(known: Sequence[float], unknown: Sequence[float]) -> float:
    """Probability that a known query has a higher score than an unknown one; ties count half."""
    ordered = np.sort(np.asarray(unknown))
    below, upto = np.searchsorted(ordered, known, "left"), np.searchsorted(ordered, known, "right")
    return float((below + upto).sum() / 2 / (len(known) * len(unknown)))


def _grouped(results: Sequence[EpisodeResult], key: Callable[[EpisodeResult], int]) -> dict[str, Interval]:
    keys = sorted({key(result) for result in results})
    return {str(k): interval([result.accuracy for result in results if key(result) == k]) for k in keys}


def _by_domain(results: Sequence[EpisodeResult]) -> list[DomainAccuracy]:
    names = sorted({name for result in results for name in result.domains})
    rows: list[DomainAccuracy] = []
    for name in names:
        counts = [result.domains[name] for result in results if name in result.domains]
        queries, correct = (sum(column) for column in zip(*counts, strict=True))
        rows.append({"domain": name, "accuracy": correct / queries, "queries": queries, "episodes": len(counts)})
    return sorted(rows, key=lambda row: (row["accuracy"], row["domain"]))


def _reliability(results: Sequence[EpisodeResult]) -> list[ReliabilityBin]:
    rows: list[ReliabilityBin] = []
    for b in range(BINS):
        bins = [result.bins[b] for result in results]
        count = sum(one.count for one in bins)
        confidence, correct = math.fsum(one.confidence for one in bins), sum(one.correct for one in bins)
        rows.append(
            {
                "low": b / BINS,
                "high": (b + 1) / BINS,
                "count": count,
                "confidence": confidence / count if count else 0.0,
                "accuracy": correct / count if count else 0.0,
            }
        )
    return rows
