"""What to do next: sentences that follow from measured figures, the most promising first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION
from components.fewshot.settings.metrics import METRICS, Metric, kind_of, metric_of

MOST = 2  # sentences
FEW_CLASSES = 20  # test classes; below, the figure hangs on a few of them
WORTH = 0.005  # half a point: what is less is not worth an engineer's day

Figures = Mapping[str, Any]  # metrics.json


class Advice(NamedTuple):
    """A sentence, and the share from 0 to 1 of the figure that the numbers behind it promise or cannot tell apart."""

    gain: float
    sentence: str


def advice(metrics: Figures) -> list[str]:
    """Returns what to do next in at most two sentences; none where no figure says that it would pay."""
    found = [one for looked in ADVICE[kind_of(metrics)] for one in looked(metrics)]
    worth = sorted((one for one in found if one.gain >= WORTH), key=lambda one: -one.gain)
    return [one.sentence for one in worth[:MOST]]


def few_classes(classes: int, metric: Metric = METRICS[CLASSIFICATION]) -> str | None:
    """Returns a warning where there are few test classes, or None."""
    if classes >= FEW_CLASSES:
        return None
    return (
        f"only {classes} test classes: a single hard one moves the {metric.name}; {FEW_CLASSES} or more make it a figure"
        " to rely on"
    )


def _shots(metrics: Figures) -> dict[int, float]:
    """The figure by shot, of episodes with the way and queries of the main ones."""
    sets = [metrics, *(one for one in metrics["also"] if one["way"] == metrics["way"])]
    return {one["shot"]: metric_of(one).of(one) for one in reversed(sets) if isinstance(one["shot"], int)}


def _more_shots(metrics: Figures) -> Iterator[Advice]:
    shots, shot, metric = _shots(metrics), metrics["shot"], metric_of(metrics)
    if not isinstance(shot, int):
        return
    if more := sorted(one for one in shots if one > shot):
        to = max(more, key=lambda one: (shots[one] - shots[shot]) / (one - shot))  # most for each further one
        gain = shots[to] - shots[shot]
        yield Advice(
            gain,
            f"Take {to} {metric.shots} of a class in place of {shot}: that raised the {metric.name} from"
            f" {_percent(shots[shot])} to {_percent(shots[to])} % on these test classes.",
        )


def _beyond_shots(metrics: Figures) -> Iterator[Advice]:
    """What is still wrong with the most support images is not for want of them."""
    for most, left in _left(metrics):
        yield Advice(
            left / 2,  # a better network may well halve the errors; more than that nobody knows
            f"Try a larger base model or more training classes: with {most} support images of a class,"
            f" {_percent(left)} % of the queries are still wrong, and more images of a class will not mend these.",
        )


def _beyond_marked(metrics: Figures) -> Iterator[Advice]:
    """The same of objects."""
    for most, left in _left(metrics):
        yield Advice(
            left / 2,
            f"Try a larger base model or more training classes: with {most} marked objects of a class, the AP50 is still"
            f" {_percent(1 - left)} %, and more objects of a class will not mend the rest.",
        )


def _left(metrics: Figures) -> Iterator[tuple[int, float]]:
    """The largest shot, if there are several, and what lacks to a perfect figure with it."""
    shots = _shots(metrics)
    if len(shots) > 1:
        yield max(shots), 1 - shots[max(shots)]


def _more_classes(metrics: Figures) -> Iterator[Advice]:
    over = metrics["over_classes"]
    if over:
        half = (over["high"] - over["low"]) / 2
        yield Advice(
            half / 2,  # the width falls with the square root of the number of classes
            f"Add test classes: with {over['classes']} of them the {metric_of(metrics).name} on other classes may be"
            f" anywhere from {_percent(over['low'])} to {_percent(over['high'])} %, and four times as many would halve"
            " that interval.",
        )


def _a_pair(metrics: Figures) -> Iterator[Advice]:
    for pair in metrics["confusions"]["pairs"][:1]:
        errors = (1 - metrics["accuracy"]) * metrics["query"] * metrics["episodes"] * _way(metrics)
        part = pair["confused"] / errors
        yield Advice(
            part * (1 - metrics["accuracy"]),
            f"Look at {pair['classes'][0]} and {pair['classes'][1]}: {_percent(pair['share'])} % of their queries are taken for"
            f" the other of the two, {_percent(part)} % of all errors; their labels may be mixed up, or they may be one class.",
        )


def _more_proposals(metrics: Figures) -> Iterator[Advice]:
    """What the last proposals still find, further ones may find too."""
    recall = metrics["proposal_recall"]
    if recall:
        (most, before), (_, now) = list(recall.items())[-2:]
        yield Advice(
            now - before,
            f"Raise learner.settings.proposals: beyond the first {most} of an image, further ones raised the share of objects"
            f" that they overlap from {_percent(before)} to {_percent(now)} %.",
        )


def _larger_images(metrics: Figures) -> Iterator[Advice]:
    """Small objects become larger with the images. At most half of what they lack to large ones is promised."""
    small, large = metrics["by_size"]["small"], metrics["by_size"]["large"] or metrics["by_size"]["medium"]
    if small and large:
        part = small["episodes"] / metrics["episodes"]  # of the episodes that would gain
        yield Advice(
            part * (large["mean_ap"] - small["mean_ap"]) / 2,
            f"Take larger images (image.height and image.width), or cut them into parts: small objects have a mAP of"
            f" {_percent(small['mean_ap'])} %, larger ones of {_percent(large['mean_ap'])} %.",
        )


def _way(metrics: Figures) -> float:
    """The mean way."""
    return sum(int(way) * at["episodes"] for way, at in metrics["by_way"].items()) / metrics["episodes"]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


ADVICE: Mapping[str, Sequence[Callable[[Figures], Iterator[Advice]]]] = {
    CLASSIFICATION: (_more_shots, _beyond_shots, _more_classes, _a_pair),
    DETECTION: (_more_shots, _beyond_marked, _more_classes, _more_proposals, _larger_images),
}
