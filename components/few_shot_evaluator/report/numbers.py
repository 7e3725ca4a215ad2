"""Figures as text."""

from collections.abc import Sequence

from components.fewshot.evaluation.summary import Difference, OverClasses


def span(value: int | Sequence[int]) -> str:
    """Returns a number as text, or a range as in `5..10`."""
    return "..".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def percent(share: float, digits: int = 2) -> str:
    """Returns a share in 0..1 as a percentage, without the percent sign."""
    return f"{100 * share:.{digits}f}"


def points(difference: Difference) -> str:
    """Returns a difference and its interval in percentage points."""
    return f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}"


def bounds(interval: OverClasses | None, signed: bool = False) -> str:
    """Returns an interval over classes in percentage points; `none` where the classes cannot tell."""
    if not interval:
        return "none"
    low, high = (f"{100 * interval[side]:{'+' if signed else ''}.2f}" for side in ("low", "high"))
    return f"{low} to {high}"
