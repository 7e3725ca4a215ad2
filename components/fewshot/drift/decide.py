"""What is to be done about images that came: the served model adapts to them, it is trained anew, or nothing."""

from typing import Literal, TypedDict

from components.fewshot.drift.adapting import Adapting
from components.fewshot.drift.energy import Change
from components.fewshot.words import counted

Decision = Literal["retrain", "adapt only", "skip"]
NAMED = 3  # classes


class Look(TypedDict):
    """The mean of a number that says how images look, and its change in standard deviations within a class."""

    known: float
    new: float
    shift: float


class Mix(TypedDict):
    """How far the shares of the known classes have moved: half the sum of absolute differences, and the probability of as much
    where nothing has moved. Episodes draw classes evenly, so this does not decide."""

    distance: float
    p: float


class Figures(TypedDict):
    """What is known of the images that came since the model in production."""

    images: int
    known_images: int
    classes: list[str]
    known_classes: int
    growth: dict[str, float]  # new train `classes` and `images`, as a share of those that production was trained on
    mix: Mix | None
    looks: dict[str, Look]
    by_looks: Change | None
    by_features: Change | None
    adapting: Adapting | None


class Drift(TypedDict):
    """The content of drift.json; there are no figures where nothing can be compared."""

    decision: Decision
    because: str
    goes_on: bool  # whether the run trains: always, unless it is asked to train only where that is needed
    production: str | None  # its version
    spans: list[str]  # that came
    known_spans: int
    figures: Figures | None


def decide(figures: Figures, alpha: float, growth: float) -> tuple[Decision, str]:
    """The decision, and its reason in a sentence.

    Args:
      figures: of what came.
      alpha: the probability below which images of known classes are said to have changed.
      growth: the share of new train classes or images from which on training pays.
    """
    if not figures["images"]:
        return "skip", "no image came"
    tests = {
        "images of known classes look different": figures["by_looks"],
        "the model sees images of known classes differently": figures["by_features"],
    }
    found = {name: one for name, one in tests.items() if one}
    if found:
        name, least = min(found.items(), key=lambda pair: pair[1]["p"])
        p = min(1.0, least["p"] * len(found))  # of several tests the least (Bonferroni)
        if p < alpha:
            return "retrain", (
                f"{name}: energy distance {least['distance']:.2f}, p = {p:.3g} ({counted(least['new'], 'new image')} of"
                f" {counted(least['classes'], 'class', 'classes')})"
            )
    for what, share in figures["growth"].items():
        if share >= growth:
            return "retrain", f"there are {100 * share:.0f} % more train {what} than production was trained on"
    on = figures["adapting"]
    if on and on["bounds"] and on["bounds"]["high"] < 0:
        low, high = 100 * on["bounds"]["low"], 100 * on["bounds"]["high"]
        return "retrain", (
            f"production adapts worse to new classes than to known ones: {100 * on['difference']:+.1f} points, {low:+.1f} to"
            f" {high:+.1f} over classes"
        )
    if figures["classes"]:
        names = ", ".join(figures["classes"][:NAMED]) + (", ..." if len(figures["classes"]) > NAMED else "")
        return "adapt only", f"{counted(len(figures['classes']), 'new class', 'new classes')} ({names}){_reached(on)}"
    return "skip", f"{counted(figures['images'], 'new image')} of known classes, which have not changed{_tested(found)}"


def _reached(on: Adapting | None) -> str:
    if on is None:
        return "; with too few images to say how well production adapts to them"
    tell = f"{100 * on['difference']:+.1f} points, too few classes to tell more"
    if bounds := on["bounds"]:
        tell = f"{100 * on['difference']:+.1f} points, {100 * bounds['low']:+.1f} to {100 * bounds['high']:+.1f} over classes"
    new, known = f"{100 * on['accuracy']:.1f} %", f"{100 * on['known_accuracy']:.1f} %"
    return f"; adapted to them, production has {new}, where it has {known} on known classes ({tell})"


def _tested(found: dict[str, Change]) -> str:
    return f" (p = {min(1.0, min(one['p'] for one in found.values()) * len(found)):.3g})" if found else ""
