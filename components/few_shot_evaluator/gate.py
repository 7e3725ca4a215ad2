"""What a model must show to be blessed: one plain function."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """Attributes:
    threshold: the lower bound of the accuracy's 95 % interval must reach it.
    margin: the mean difference to the latest blessed model, episode by episode, must not be below minus this.
    require_baselines: the model must be better than every baseline: the whole interval of the difference above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(0.0, ge=0, le=1)
    margin: float = Field(0.01, ge=0, le=1)
    require_baselines: bool = True


def reasons_against(metrics: dict[str, Any], gate: GateSettings) -> list[str]:
    """Every reason not to bless, a sentence each; an empty list blesses.

    Args:
      metrics: `accuracy`, `ci95`, `baselines`, `previous`, `independence` of metrics.json.
    """
    reasons = []
    lower = metrics["accuracy"] - metrics["ci95"]
    if not lower >= gate.threshold:  # nan is below, too
        reasons.append(f"accuracy is at least {_percent(lower)}, below the threshold of {_percent(gate.threshold)}")
    for name, baseline in metrics["baselines"].items() if gate.require_baselines else ():
        difference = baseline["difference"]
        if not difference["mean"] - difference["ci95"] > 0:
            reasons.append(f"not better than the baseline {name!r}: {_points(difference)}")
    previous = metrics["previous"]
    if previous and previous.get("difference") and not previous["difference"]["mean"] >= -gate.margin:
        said = _points(previous["difference"])
        reasons.append(f"worse than the latest blessed model by more than {_percent(gate.margin)}: {said}")
    independence = metrics["independence"]
    if not independence["holds"]:
        reasons.append(
            f"a query's probabilities change with its batch-mates by up to {independence['max_difference']:.2g}: the model "
            "is not inductive"
        )
    return reasons


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(difference: dict[str, float]) -> str:
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f} points"
