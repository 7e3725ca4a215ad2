"""Every kind of task has all that evaluation needs of one."""

import pytest

from components.few_shot_evaluator.advice import ADVICE
from components.few_shot_evaluator.report.kinds import PAGES
from components.fewshot.evaluation.kinds import EVALUATIONS
from components.fewshot.kinds import KINDS
from components.fewshot.settings.metrics import METRICS


@pytest.mark.parametrize("table", [ADVICE, PAGES, EVALUATIONS, METRICS], ids=["advice", "page", "evaluation", "metric"])
def test_tables_are_of_the_same_kinds(table):
    assert table.keys() == KINDS.keys()


def test_the_figure_is_told_first():
    for kind, metric in METRICS.items():
        assert EVALUATIONS[kind].told[0] == metric.key
