"""The summary of the results of episodes. Sums are exact, so any order and any number of workers give the same digits."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from components.fewshot.evaluation.confusions import confusions
from components.fewshot.evaluation.intervals import accuracy_over_classes, difference_over_classes
from components.fewshot.evaluation.results import Bin, ClassResult, EpisodeResult, Result
from components.fewshot.evaluation.summary import (
    Difference,
    DomainAccuracy,
    Interval,
    NoneOfThese,
    ReliabilityBin,
    Summary,
)

HISTOGRAM_BINS = 20  # of episodes by their figure

Kind = TypeVar("Kind", bound=Result)


def summarise(results: Iterable[EpisodeResult]) -> Summary:
    """The metrics of many episodes.

    Returns:
      accuracy, ci95 (half-width, over episodes), over_classes, classes, log_loss, ece, episodes, by_shot, by_way, by_domain
      (worst first), worst_domain, histogram, reliability, confusions, and distractor_auroc where episodes have distractors.

    Raises:
      ValueError: no episode.
    """
    results = in_order(results)
    rows = reliability(pooled_bins([result.bins for result in results]))
    by_domain = _by_domain(results)
    summary: Summary = {
        **interval([result.accuracy for result in results]),
        "over_classes": accuracy_over_classes([r.accuracy for r in results], [r.names for r in results]),
        "classes": len(frozenset().union(*(result.names for result in results))),
        "log_loss": math.fsum(result.log_loss for result in results) / len(results),
        "ece": expected_calibration_error(rows),
        "by_shot": {key: interval([one.accuracy for one in some]) for key, some in by_shot(results).items()},
        "by_way": {key: interval([one.accuracy for one in some]) for key, some in by_way(results).items()},
        "by_domain": by_domain,
        "worst_domain": by_domain[0] if by_domain else None,
        "histogram": histogram(results),
        "reliability": rows,
        "confusions": confusions(results),
    }
    known = [score for result in results for score in result.known_scores]
    unknown = [score for result in results for score in result.unknown_scores]
    if unknown:
        summary["distractor_auroc"] = auroc(known, unknown)
    return summary


def in_order(results: Iterable[Kind]) -> list[Kind]:
    """The results by number of the episode.

    Raises:
      ValueError: no episode.
    """
    ordered = sorted(results, key=lambda result: result.index)
    if not ordered:
        raise ValueError("no episode was judged: expected at least one")
    return ordered


def by_shot(results: Sequence[Kind]) -> Mapping[str, list[Kind]]:
    """The results by number of support images or objects of a class."""
    return _grouped(results, lambda result: result.shot)


def by_way(results: Sequence[Kind]) -> Mapping[str, list[Kind]]:
    """The results by number of classes."""
    return _grouped(results, lambda result: result.way)


def histogram(results: Sequence[Result]) -> list[int]:
    """Episodes by their figure."""
    return list(np.histogram([result.figure for result in results], HISTOGRAM_BINS, (0, 1))[0].tolist())


def interval(values: Sequence[float]) -> Interval:
    """Mean of per-episode accuracies with the half-width of its 95 % interval (normal, 1.96 standard errors)."""
    mean, half = mean_and_ci95(values)
    return {"accuracy": mean, "ci95": half, "episodes": len(values)}


def paired_difference(ours: Iterable[Result], theirs: Iterable[Result]) -> Difference:
    """The mean difference of their figures, episode by episode, with both intervals.

    Raises:
      ValueError: they were not judged on the same episodes.
    """
    a, b = ({result.index: result for result in results} for results in (ours, theirs))
    if a.keys() != b.keys():
        raise ValueError(
            f"paired comparison needs the same episodes, got {len(a)} and {len(b)}, {len(a.keys() & b)} shared"
        )
    values = [a[index].figure - b[index].figure for index in sorted(a)]
    mean, half = mean_and_ci95(values)
    over_classes = difference_over_classes(values, [a[index].names for index in sorted(a)])
    return {"mean": mean, "ci95": half, "over_classes": over_classes}


def mean_and_ci95(values: Sequence[float]) -> tuple[float, float]:
    """Mean and 1.96 standard errors (n - 1 in the variance; 0 for one value), by exact sums."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, 0.0
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, 1.96 * math.sqrt(variance / count)


def pooled_bins(bins: Sequence[Sequence[Bin]]) -> list[Bin]:
    """The bins of all episodes, one by one."""
    return [
        Bin(sum(one.count for one in same), math.fsum(one.confidence for one in same), sum(one.correct for one in same))
        for same in zip(*bins, strict=True)
    ]


def reliability(bins: Sequence[Bin]) -> list[ReliabilityBin]:
    """The rows of a reliability diagram, for bins of equal width over 0..1."""
    return [
        {
            "low": place / len(bins),
            "high": (place + 1) / len(bins),
            "count": one.count,
            "confidence": one.confidence / one.count if one.count else 0.0,
            "accuracy": one.correct / one.count if one.count else 0.0,
        }
        for place, one in enumerate(bins)
    ]


def expected_calibration_error(reliability: Sequence[ReliabilityBin]) -> float:
    """Mean gap between confidence and accuracy over bins, weighted by count (Guo et al. 2017)."""
    total = sum(row["count"] for row in reliability)
    return math.fsum(abs(row["confidence"] - row["accuracy"]) * row["count"] for row in reliability) / total


def none_of_these(results: Iterable[EpisodeResult], threshold: float) -> NoneOfThese | None:
    """What a threshold does on episodes with distractors; None if there are none."""
    results = [result for result in results if result.known_scores and result.unknown_scores]
    if not results:
        return None
    known = [score for result in results for score in result.known_scores]
    strangers = [score for result in results for score in result.unknown_scores]
    return {
        "threshold": threshold,
        "false_alarms": sum(score < threshold for score in known) / len(known),
        "caught": sum(score < threshold for score in strangers) / len(strangers),
        "auroc": auroc(known, strangers),
        "episodes": len(results),
    }


def auroc(known: Sequence[float] | np.ndarray, unknown: Sequence[float] | np.ndarray) -> float:
    """Probability that a known query has a higher score than an unknown one; ties count half."""
    ordered = np.sort(np.asarray(unknown))
    below, upto = np.searchsorted(ordered, known, "left"), np.searchsorted(ordered, known, "right")
    return float((below + upto).sum() / 2 / (len(known) * len(unknown)))


def _grouped(results: Sequence[Kind], key: Callable[[Kind], int]) -> Mapping[str, list[Kind]]:
    keys = sorted({key(result) for result in results})
    return {str(one): [result for result in results if key(result) == one] for one in keys}


def _by_domain(results: Sequence[EpisodeResult]) -> list[DomainAccuracy]:
    found: dict[str, list[tuple[int, ClassResult]]] = defaultdict(list)
    for result in results:
        for one in result.classes:
            found[one.domain].append((result.index, one))
    rows: list[DomainAccuracy] = []
    for name, parts in found.items():
        queries, correct = (
            sum(counts) for counts in zip(*((one.queries, one.correct) for _, one in parts), strict=True)
        )
        episodes = len({index for index, _ in parts})
        rows.append({"domain": name, "accuracy": correct / queries, "queries": queries, "episodes": episodes})
    return sorted(rows, key=lambda row: (row["accuracy"], row["domain"]))
