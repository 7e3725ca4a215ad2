"""What to do next: sentences that follow from measured figures, the most promising first."""

from collections.abc import Iterator
from typing import NamedTuple

from components.few_shot_evaluator.metrics_json import Metrics

MOST = 2  # sentences
FEW_CLASSES = 20  # test classes; below, the figure hangs on a few of them
WORTH = 0.005  # half a point: what is less is not worth an engineer's day


class Advice(NamedTuple):
    """A sentence, and the accuracy from 0 to 1 that the figures behind it promise or cannot tell apart."""

    gain: float
    sentence: str


def advice(metrics: Metrics) -> list[str]:
    """Returns what to do next in at most two sentences; none where no figure says that it would pay."""
    found = [*_more_shots(metrics), *_beyond_shots(metrics), *_more_classes(metrics), *_a_pair(metrics)]
    worth = sorted((one for one in found if one.gain >= WORTH), key=lambda one: -one.gain)
    return [one.sentence for one in worth[:MOST]]


def few_classes(classes: int) -> str | None:
    """Returns a warning where there are few test classes, or None."""
    if classes >= FEW_CLASSES:
        return None
    return f"only {classes} test classes: a single hard one moves the accuracy; {FEW_CLASSES} or more make it a figure to rely on"


def _shots(metrics: Metrics) -> dict[int, float]:
    """Accuracy by number of support images a class, of episodes with the way and queries of the main ones."""
    sets = [metrics, *(one for one in metrics["also"] if one["way"] == metrics["way"])]
    return {one["shot"]: one["accuracy"] for one in reversed(sets) if isinstance(one["shot"], int)}


def _more_shots(metrics: Metrics) -> Iterator[Advice]:
    shots, shot = _shots(metrics), metrics["shot"]
    if not isinstance(shot, int):
        return
    if more := sorted(one for one in shots if one > shot):
        to = max(more, key=lambda one: (shots[one] - shots[shot]) / (one - shot))  # most for each further image
        gain = shots[to] - shots[shot]
        yield Advice(
            gain,
            f"Take {to} support images of a class in place of {shot}: that raised the accuracy from {_percent(shots[shot])} to"
            f" {_percent(shots[to])} % on these test classes.",
        )


def _beyond_shots(metrics: Metrics) -> Iterator[Advice]:
    """What is still wrong with the most support images is not for want of them."""
    shots = _shots(metrics)
    if len(shots) > 1:
        most = max(shots)
        gain = (1 - shots[most]) / 2  # a better network may well halve the errors; more than that nobody knows
        yield Advice(
            gain,
            f"Try a larger base model or more training classes: with {most} support images of a class,"
            f" {_percent(1 - shots[most])} % of the queries are still wrong, and more images of a class will not mend these.",
        )


def _more_classes(metrics: Metrics) -> Iterator[Advice]:
    over = metrics["over_classes"]
    if over:
        half = (over["high"] - over["low"]) / 2
        yield Advice(
            half / 2,  # the width falls with the square root of the number of classes
            f"Add test classes: with {over['classes']} of them the accuracy on other classes may be anywhere from"
            f" {_percent(over['low'])} to {_percent(over['high'])} %, and four times as many would halve that interval.",
        )


def _a_pair(metrics: Metrics) -> Iterator[Advice]:
    for pair in metrics["confusions"]["pairs"][:1]:
        errors = (1 - metrics["accuracy"]) * metrics["query"] * metrics["episodes"] * _way(metrics)
        part = pair["confused"] / errors
        yield Advice(
            part * (1 - metrics["accuracy"]),
            f"Look at {pair['classes'][0]} and {pair['classes'][1]}: {_percent(pair['share'])} % of their queries are taken for"
            f" the other of the two, {_percent(part)} % of all errors; their labels may be mixed up, or they may be one class.",
        )


def _way(metrics: Metrics) -> float:
    """The mean way."""
    return sum(int(way) * at["episodes"] for way, at in metrics["by_way"].items()) / metrics["episodes"]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
