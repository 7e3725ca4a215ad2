"""The gate: it decides whether a model is blessed."""

from pydantic import BaseModel, ConfigDict, Field

from components.few_shot_evaluator.metrics_json import Compared
from components.fewshot.evaluation.summary import Difference


class GateSettings(BaseModel):
    """What a model must reach to be blessed.

    Attributes:
      threshold: the least value of the lower bound of the accuracy's 95 % interval.
      margin: how far the mean difference to the latest blessed model, on the same episodes, may be below 0.
      require_baselines: the model must be better than every baseline: the whole interval of the difference is above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(0.0, ge=0, le=1)
    margin: float = Field(0.01, ge=0, le=1)
    require_baselines: bool = True


def reasons_against(metrics: Compared, gate: GateSettings) -> list[str]:
    """Returns every reason against blessing the model, each as a sentence; without a reason the model is blessed.

    Args:
      metrics: only `accuracy`, `ci95`, `baselines`, `previous` and `independence` are read.
      gate: what the model must reach.
    """
    reasons = []
    lower = metrics["accuracy"] - metrics["ci95"]
    if not lower >= gate.threshold:  # also true if the bound is nan
        reasons.append(
            f"the lower bound of the accuracy, {_percent(lower)}, is below the threshold of {_percent(gate.threshold)}"
        )
    for name, baseline in metrics["baselines"].items() if gate.require_baselines else ():
        difference = baseline["difference"]
        if not difference["mean"] - difference["ci95"] > 0:
            reasons.append(f"not better than the baseline {name!r}: {_points(difference)}")
    previous = metrics["previous"]
    if previous and previous.get("difference") and not previous["difference"]["mean"] >= -gate.margin:
        said = _points(previous["difference"])
        reasons.append(f"worse than the latest blessed model by more than {100 * gate.margin:.2f} points: {said}")
    independence = metrics["independence"]
    if not independence["holds"]:
        reasons.append(
            f"the probabilities of a query change by up to {independence['max_difference']:.2g} with the other queries in "
            "the request: the model is not inductive"
        )
    return reasons


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(difference: Difference) -> str:
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f} points"
