"""Which classes are taken for one another: pairs of classes, from all episodes that both are in."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import NormalDist

from components.fewshot.evaluation.results import EpisodeResult
from components.fewshot.evaluation.summary import ConfusedPair, Confusions

PAIRS = 10  # that are listed
SHOWN = 12  # classes of the matrix, at most
QUANTILE = NormalDist().inv_cdf(0.975)

Pair = tuple[str, str]


class Together:
    """How often classes were taken for one another where both were there.

    Attributes:
      queries: by pair in alphabetical order, of both classes, in the episodes with both.
      episodes: by pair in alphabetical order.
      own: by (class, other class), queries of the class in the episodes with both.
      taken: by (class, other class), queries of the class that were predicted as the other.
    """

    def __init__(self, results: Iterable[EpisodeResult]) -> None:
        self.episodes: Counter[Pair] = Counter()
        self.own: Counter[Pair] = Counter()
        self.taken: Counter[Pair] = Counter()
        for result in results:
            queries: dict[str, int] = defaultdict(int)
            for one in result.classes:
                queries[one.name] += one.queries
            for a, b in combinations(sorted(queries), 2):
                self.episodes[a, b] += 1
                self.own[a, b] += queries[a]
                self.own[b, a] += queries[b]
            for label, predicted, count in result.confused:
                names = result.classes[label].name, result.classes[predicted].name
                if names[0] != names[1]:  # a class and the same class turned
                    self.taken[names] += count

    def pair(self, a: str, b: str) -> ConfusedPair:
        """What is known of a pair."""
        queries, confused = self.own[a, b] + self.own[b, a], self.taken[a, b] + self.taken[b, a]
        return {
            "classes": [a, b],
            "share": confused / queries,
            "confused": confused,
            "queries": queries,
            "episodes": self.episodes[min(a, b), max(a, b)],
        }

    def share(self, a: str, b: str) -> float | None:
        """Of the queries of `a`, where `b` was there, the share that was predicted as `b`; None if they never met."""
        return self.taken[a, b] / self.own[a, b] if self.own[a, b] else None


def confusions(results: Sequence[EpisodeResult]) -> Confusions:
    """The pairs of classes that are confused most, and the matrix of the classes in them.

    A pair that was seen in few queries may have a high share by chance, so pairs are ranked by the lower bound of the 95 %
    interval of their share (Wilson 1927).
    """
    together = Together(results)
    found = {(min(pair), max(pair)) for pair, count in together.taken.items() if count}
    pairs = sorted((together.pair(*pair) for pair in found), key=lambda pair: (-least_share(pair), pair["classes"]))
    classes = list(dict.fromkeys(name for pair in pairs[:PAIRS] for name in pair["classes"]))[:SHOWN]
    matrix = [[None if a == b else together.share(a, b) for b in classes] for a in classes]
    return {"pairs": pairs[:PAIRS], "classes": classes, "matrix": matrix}


def least_share(pair: ConfusedPair) -> float:
    """The lower bound of Wilson's 95 % interval. SciPy has it as well, and takes a hundred times as long for each pair."""
    share, count = pair["share"], pair["queries"]
    half = QUANTILE * math.sqrt(share * (1 - share) / count + (QUANTILE / (2 * count)) ** 2)
    return (share + QUANTILE**2 / (2 * count) - half) / (1 + QUANTILE**2 / count)
