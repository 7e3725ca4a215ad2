"""The gate: it decides whether a model is blessed, by intervals over classes."""

from collections.abc import Iterator

from components.few_shot_evaluator.metrics_json import BEFORE, NEW, Compared
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.evaluation.intervals import cannot_tell
from components.fewshot.evaluation.summary import Difference
from components.fewshot.settings.metrics import metric_of

ARRIVALS = {
    BEFORE: "the test episodes that the model in production was pushed by",
    NEW: "episodes of the test classes that came since",
}


def reasons_against(metrics: Compared, gate: GateSettings) -> list[str]:
    """Returns every reason against blessing the model, each as a sentence; without a reason the model is blessed.

    Args:
      metrics: the figures of the candidate and of its rivals.
      gate: what the model must reach.
    """
    reasons = [*_by_intervals(metrics, gate), *_by_arrivals(metrics, gate)]
    independence, answers = metrics["independence"], metric_of(metrics).answers
    if not independence["holds"]:
        reasons.append(
            f"the {answers} of a query change by up to {independence['max_difference']:.2g} with the other queries in "
            "the request: the model is not inductive"
        )
    by_features = independence["by_features"]
    if by_features and not by_features["holds"]:
        reasons.append(
            f"the {answers} of a query by its features differ by up to {by_features['max_difference']:.2g} from those by "
            "its image: the figures, which were measured by features, are not those of `serving_default`"
        )
    return reasons


def _by_intervals(metrics: Compared, gate: GateSettings) -> list[str]:
    # Baselines start cold. They have had fewer steps than a model that started warm, and do not decide about it.
    baselines = metrics["baselines"] if gate.require_baselines and not metrics["warm_start"] else {}
    ahead_of = {name: rival["difference"] for name, rival in baselines.items()}
    earlier = [("the model in production", metrics["production"], gate.margin)]
    earlier += [("the best model so far", metrics["best"], gate.drift_margin)]
    no_worse = [
        (name, rival["difference"], margin) for name, rival, margin in earlier if rival and "difference" in rival
    ]
    interval = metrics["over_classes"]
    if interval is None:
        asked = gate.threshold > 0 or ahead_of or no_worse
        return [cannot_tell(metrics["classes"], max(int(way) for way in metrics["by_way"]))] if asked else []
    reasons = []
    if not interval["low"] >= gate.threshold:  # also true if the bound is nan
        lower, least = (f"{100 * share:.2f} %" for share in (interval["low"], gate.threshold))
        reasons.append(f"the lower bound of the {metric_of(metrics).name}, {lower}, is below the threshold of {least}")
    for name, difference in ahead_of.items():
        if not lower_bound(difference) > 0:
            reasons.append(f"not better than the baseline {name!r}: {said(difference)}")
    for name, difference, margin in no_worse:
        if not lower_bound(difference) >= -margin:
            reasons.append(f"it may be worse than {name} by more than {100 * margin:.2f} points: {said(difference)}")
    return reasons


def _by_arrivals(metrics: Compared, gate: GateSettings) -> Iterator[str]:
    # By the interval over episodes: what is asked is what becomes of these very classes, and not of others of their kind.
    for name, on in metrics["arrivals"].items():
        difference = on.get("difference")
        if difference and not difference["mean"] - difference["ci95"] >= -gate.margin:
            mean, half = (100 * difference[key] for key in ("mean", "ci95"))
            yield (
                f"it may be worse than the model in production by more than {100 * gate.margin:.2f} points on {ARRIVALS[name]}:"
                f" {mean:+.2f} ± {half:.2f} points over episodes"
            )


def lower_bound(difference: Difference) -> float:
    """Returns the lower bound over classes; minus infinity where the classes cannot tell."""
    over_classes = difference["over_classes"]
    return over_classes["low"] if over_classes else float("-inf")


def said(difference: Difference) -> str:
    """Returns a difference with its interval over classes, in points."""
    over_classes, mean = difference["over_classes"], 100 * difference["mean"]
    if not over_classes:
        return f"{mean:+.2f} points, without an interval over classes"
    return f"{mean:+.2f} points, {100 * over_classes['low']:+.2f} to {100 * over_classes['high']:+.2f} over classes"
