"""The ModelChooser on real artifacts: the chosen model goes on, whole, with a record of the choice."""

import json
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.fewshot import integrity
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.integrity import Damaged
from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.image import ImageSpec
from components.model_chooser.executor import Executor
from tests.components import artifacts


def trained(root, name, number, accuracy):
    """What a MetaTrainer leaves: a model with a manifest, and a run."""
    model = artifacts.artifact(standard_artifacts.Model, root / "model" / name, number)
    run = artifacts.artifact(standard_artifacts.ModelRun, root / "model_run" / name, number + 10)
    directory = Path(model.uri) / "Format-Serving"
    facts = {"learner": name, "base_model": "conv4", "trainable": "last 2", "batch_norm": "none", "inductive": True}
    validation = {"step": 3, "accuracy": accuracy, "ci95": 0.1, "loss": 1.0}
    Manifest(**facts, image=ImageSpec(), episodes=EpisodeSpec(), seed=0, steps=3, validation=validation).write(
        str(directory)
    )
    (directory / "saved_model.pb").write_text(name)
    integrity.seal(str(directory))
    (Path(run.uri) / "history.json").write_text(json.dumps(name))
    (Path(run.uri) / "timing.json").write_text(json.dumps({"seconds": 1.5}))
    for made in (model, run):
        made.set_string_custom_property("title", name)
        integrity.seal(made.uri)
    return model, run


def outputs(root):
    model = artifacts.artifact(standard_artifacts.Model, root / "chosen" / "model", 20)
    return model, artifacts.artifact(standard_artifacts.ModelRun, root / "chosen" / "run", 21)


def test_the_best_goes_on(tmp_path):
    made = [
        trained(tmp_path, name, i, accuracy) for i, (name, accuracy) in enumerate([("a", 0.5), ("b", 0.9), ("c", 0.7)])
    ]
    model, run = outputs(tmp_path)
    inputs = {"models": [one for one, _ in reversed(made)], "model_runs": [one for _, one in made]}
    Executor().Do(inputs, {"model": [model], "model_run": [run]}, {"names": json.dumps(["a", "b", "c"])})
    assert (Path(model.uri) / "Format-Serving" / "saved_model.pb").read_text() == "b"
    assert json.loads((Path(run.uri) / "history.json").read_text()) == "b"
    integrity.verify(model.uri, run.uri, str(Path(model.uri) / "Format-Serving"))
    choice = json.loads((Path(run.uri) / "choice.json").read_text())
    assert choice["chosen"] == "b" and [one["name"] for one in choice["candidates"]] == ["a", "b", "c"]
    first = choice["candidates"][0]
    assert (first["learner"], first["trainable"], first["seconds"], first["steps"]) == ("a", "last 2", 1.5, 3)
    assert first["validation"]["accuracy"] == 0.5


def test_a_damaged_candidate_is_not_passed_on(tmp_path):
    model, run = trained(tmp_path, "a", 1, 0.5)
    (Path(model.uri) / "Format-Serving" / "saved_model.pb").write_text("x")
    inputs = {"models": [model], "model_runs": [run]}
    chosen = dict(zip(("model", "model_run"), ([one] for one in outputs(tmp_path)), strict=True))
    with pytest.raises(Damaged):
        Executor().Do(inputs, chosen, {"names": '["a"]'})
