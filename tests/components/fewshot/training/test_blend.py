"""WiSE-FT: what is blended, and that all that is told of the blend is of the blend."""

import numpy as np
import pytest

from components.fewshot.training.blend import blend, blendable
from components.fewshot.training.history import validation_of_kept
from components.fewshot.training.loop import Trainer
from components.fewshot.training.selection import Validator
from tests.components.fewshot.training.toys import final, pictures, trainer


@pytest.fixture(scope="module")
def store():
    return pictures()


def values(run) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in run.named.items()}


def test_a_quarter_of_the_start(store):
    run = trainer(store, learner="nca")
    variables = blendable(run.learner)
    start = {name: np.full(variable.shape, 8.0, np.float32) for name, variable in variables.items()}
    for variable in variables.values():
        variable.assign(np.full(variable.shape, 4.0, np.float32))
    blend(variables, start, 0.25)
    assert {float(value) for variable in variables.values() for value in np.ravel(variable)} == {5.0}


def test_what_is_blended(store):
    """Of the trained base model weights and moments; not its seeds, and nothing that the learner has of its own."""
    run = trainer(store, learner="nca")
    before = values(run)
    final(run)
    after = values(run)
    blended = trainer(store, learner="nca", blend=0.25)
    final(blended)
    names = set(blendable(blended.learner))
    assert {"base/conv2d/kernel", "base/batch_normalization/moving_mean"} <= names
    assert not any("seed" in name or name.startswith("own/") for name in names)
    assert blended.history["best_step"] == run.history["best_step"]
    for name, value in values(blended).items():
        if name in names:
            np.testing.assert_array_equal(value, 0.25 * before[name] + 0.75 * after[name])
        elif name != "own/temperature":  # which is fitted to the blend
            np.testing.assert_array_equal(value, after[name])


def test_the_row_of_the_kept_weights_is_of_the_blend(store):
    plain, blended = trainer(store), trainer(store, blend=0.5)
    plain.run()
    history = blended.run().history
    assert history["validation"][:-1] == plain.history["validation"]
    blended.learner.temperature.assign(1.0)  # as it was when the rows were made
    row, _ = Validator(blended.learner, blended.validation)(history["best_step"])
    assert validation_of_kept(history) == row == history["validation"][-1]
    assert row["loss"] != validation_of_kept(plain.history)["loss"]


def test_a_resumed_run_blends_with_where_it_once_began(store, tmp_path):
    """Not with the weights that the learner happens to have before the checkpoint is read."""
    path = str(tmp_path / "checkpoint.npz")
    first = trainer(store, path, blend=0.5)
    expected = final(first)
    again = trainer(store, blend=0.5)
    for variable in blendable(again.learner).values():
        variable.assign(np.full(variable.shape, 7.0, np.float32))
    resumed = Trainer(again.learner, again.settings, again.units, again.validation, path)
    assert resumed.step == first.step
    for a, b in zip(expected, final(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_validation_the_last_weights_are_blended(store):
    run = trainer(store, blend=1.0)
    run.validation, start = None, values(run)
    final(run)
    for name in blendable(run.learner):
        np.testing.assert_array_equal(run.named[name].numpy(), start[name])
    assert run.history["validation"] == []


def test_without_steps_there_is_nothing_to_blend(store):
    run = trainer(store, steps=0, blend=0.3)
    start = values(run)
    final(run)
    for name in blendable(run.learner):
        np.testing.assert_array_equal(run.named[name].numpy(), start[name])
    assert len(run.history["validation"]) == 1
