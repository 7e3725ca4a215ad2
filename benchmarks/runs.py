"""What the benchmarks read of a run."""

import json

from pipeline.config import RunSettings
from pipeline.history.runs import show_run


def settings_of(root: str, run_id: str) -> RunSettings:
    """Returns the settings of a run."""
    (evaluator,) = (node for node in show_run(root, run_id).nodes if node.node == "FewShotEvaluator")
    return RunSettings.model_validate_json(json.dumps(evaluator.settings["configuration"]))
