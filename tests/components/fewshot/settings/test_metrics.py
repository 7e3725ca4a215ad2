"""Which figure models are compared by, by the keys of figures."""

import pytest

from components.fewshot.settings.kinds import LEARNER_SETTINGS
from components.fewshot.settings.metrics import METRICS, kind_of, metric_of


def test_every_kind_has_one():
    assert METRICS.keys() == LEARNER_SETTINGS.keys()


def test_figures_tell_their_kind():
    assert kind_of({"ci95": 0.1, "accuracy": 0.5}) == "classification"
    assert metric_of({"ap50": 0.25, "ci95": 0.1}).name == "AP50"
    assert metric_of({"ap50": 0.25}).of({"ap50": 0.25}) == 0.25


def test_figures_of_no_kind_are_refused():
    with pytest.raises(ValueError, match="^expected figures with accuracy or ap50, got f1, ci95$"):
        kind_of({"f1": 0.5, "ci95": 0.1})
