"""The report."""

import json

from components.few_shot_evaluator.report_inputs import ReportInputs


def render(inputs: ReportInputs) -> str:
    """HTML."""
    return f"<pre>{json.dumps(inputs.metrics, indent=1)}</pre>"
