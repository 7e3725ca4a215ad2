"""Images that arrive in spans: run after run in one root, and what the schedule would say of it."""

import json
from pathlib import Path

import pytest

from pipeline.commands.root_checks import check_runs
from pipeline.commands.run import run, run_outputs
from pipeline.config import load_settings
from pipeline.history.runs import list_runs
from pipeline.presets import find_preset
from tests import pictures
from tests.e2e.small import TINY


@pytest.mark.slow
def test_spans_that_arrive(tmp_path, capfd):
    """A span of new images and classes is trained on; without one nothing is, no class changes its side, and what only earlier
    runs need is removed. If training is only for what needs it, classes that the served model adapts to are left to it."""
    photos, root = tmp_path / "photos", tmp_path / "runs"

    def arrive(span: int, numbers: range) -> None:
        for number in numbers:
            pictures.write_class(photos / f"span-{span}", f"kind {number:03}", 6, first=6 * span)

    def go(**more) -> tuple[dict, dict[str, set[str]], int]:
        data = {"data": {"images": [f"{photos}/span-{{SPAN}}"]}, "keep_runs": 1, **more}
        settings = load_settings(find_preset("images"), TINY, data)
        result = run(settings, str(root), lambda event: None)
        examples = Path(run_outputs(str(root), result["run_id"])["ImageExampleGen"]["examples"].uri)
        summary = json.loads((examples / "summary.json").read_text())
        images = sum(one["images"] for one in summary["splits"].values())
        return result, {key: set(names) for key, names in json.loads((root / "sides.json").read_text()).items()}, images

    arrive(1, range(14))
    result, first, images = go()
    assert images == 14 * 6 and {"ImageExampleGen", "MetaTrainer"} <= set(result["ran"])
    assert "reading 1 span of" in capfd.readouterr().err
    assert go()[0]["ran"] == []
    baselines = root / "artifacts" / "Baseline" / "model"  # no model is made from one
    (old,) = baselines.iterdir()
    arrive(2, range(10, 20))
    result, second, images = go()
    assert images == 14 * 6 + 10 * 6 and "MetaTrainer" in result["ran"]
    told = capfd.readouterr().err
    assert "reading 2 spans of" in told and "removed " in told
    assert not old.exists() and len(list(baselines.iterdir())) == 1
    assert go()[0]["ran"] == [] and all(check.ok for check in check_runs(str(root)))
    assert all(names <= second[split] for split, names in first.items())
    assert set().union(*second.values()) == {f"kind {number:03}" for number in range(20)}
    served = sorted((root / "serving").rglob("saved_model.pb"))
    arrive(3, range(20, 22))
    result, third, _ = go(drift={"retrain": "needed", "growth": 9})
    assert result["decision"] == "adapt only" and "adapted to them, production has" in result["because"]
    assert "MetaTrainer" not in result["ran"] and sorted((root / "serving").rglob("saved_model.pb")) == served
    assert all(names <= third[split] for split, names in second.items()) and Path(result["report"]).is_file()
    (latest, *_) = list_runs(str(root))
    assert (latest.state, latest.decision) == ("complete", "adapt only")
    assert go(drift={"retrain": "needed", "growth": 9})[0]["ran"] == []
