"""Training from stores on disk: warm starts that fit and that do not, checkpoints that belong to just these inputs."""

import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.seen import Seen
from components.fewshot.training.loop import Trainer
from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.train import (
    WEIGHTS,
    Inputs,
    assign_weights,
    new_learner,
    save_weights,
    train,
    weights_fingerprint,
)
from tests.components import artifacts

SETTINGS = {
    "base_model": {"settings": {"filters": 4}},
    "training": {"steps": 6, "validate_every": 3, "checkpoint_every": 1},
    "episodes": {"way": 3, "shot": 1, "query": 2},
    "image": {"height": artifacts.SIDE, "width": artifacts.SIDE, "channels": 1},
}


def settings_of(**changes) -> TrainerSettings:
    return TrainerSettings.model_validate(SETTINGS | changes)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    examples = artifacts.write_examples(tmp_path_factory.mktemp("inputs"))
    made = artifacts.artifact(standard_artifacts.Examples, tmp_path_factory.mktemp("episodes"), 3)
    settings = EpisodeGeneratorSettings(
        train={"way": 3, "query": 2},
        evaluation={"way": 3, "query": 3},
        val_episodes=4,
        test_episodes=4,
        image=artifacts.IMAGE,
    )
    Generator(artifacts.context()).Do(examples, {"episodes": [made]}, {"settings": settings.model_dump_json()})
    return Inputs(*(artifact_utils.get_split_uri([made], split) for split in ("train", "val", "test")), 4)


def run(settings, inputs, root, code="code"):
    """Trains; returns what it left and the steps that it really took."""
    steps = []
    return train(settings, inputs, str(root), code, lambda history: lambda progress: steps.append(progress.step)), steps


def weights_of(learner) -> list[np.ndarray]:
    return [v.numpy() for part in learner.variables() for v in part]


def test_the_same_settings_the_same_weights(tmp_path, inputs):
    one, _ = run(settings_of(), inputs, tmp_path / "one")
    other, _ = run(settings_of(), inputs, tmp_path / "other")
    for a, b in zip(weights_of(one.learner), weights_of(other.learner), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.history == other.history and not one.warm
    different, _ = run(settings_of(seed=1), inputs, tmp_path / "seed")
    assert any((a != b).any() for a, b in zip(weights_of(one.learner), weights_of(different.learner), strict=True))


class Killed(Exception):
    pass


def test_a_checkpoint_belongs_to_settings_data_and_code(tmp_path, inputs):
    def die(progress):
        if progress.step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(settings_of(), inputs, str(tmp_path), "code", lambda history: die)
    assert run(settings_of(seed=1), inputs, tmp_path)[1] == [1, 2, 3, 4, 5, 6]
    assert run(settings_of(), inputs, tmp_path, code="other code")[1] == [1, 2, 3, 4, 5, 6]
    assert run(settings_of(), inputs, tmp_path)[1] == [5, 6], "it goes on where it was killed"
    unbroken, _ = run(settings_of(), inputs, tmp_path / "unbroken")
    resumed, none = run(settings_of(), inputs, tmp_path)
    assert none == [] and resumed.history == unbroken.history
    for a, b in zip(weights_of(resumed.learner), weights_of(unbroken.learner), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("file", ["checkpoint.npz", "history.jsonl"])
def test_from_a_damaged_checkpoint_training_starts_anew(tmp_path, inputs, file):
    unbroken, _ = run(settings_of(), inputs, tmp_path)
    (path,) = tmp_path.glob(f"*/{file}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    told: list[str] = []
    again = train(settings_of(), inputs, str(tmp_path), "code", lambda history: lambda progress: None, told.append)
    what = "bytes" if file == "checkpoint.npz" else "rows"
    assert told == [f"{path} is damaged (it has other {what} than were written): training starts anew"]
    assert again.history == unbroken.history
    for a, b in zip(weights_of(again.learner), weights_of(unbroken.learner), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_warm_start_begins_with_the_earlier_weights(tmp_path, inputs):
    first, _ = run(settings_of(), inputs, tmp_path / "first")
    save_weights(first.learner, str(tmp_path / WEIGHTS))
    still = settings_of(warm_start=str(tmp_path), training={"steps": 0})
    warm, _ = run(still, inputs, tmp_path / "warm")
    assert warm.warm
    for a, b in zip(weights_of(warm.learner), weights_of(first.learner), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not run(settings_of(training={"steps": 0}), inputs, tmp_path / "cold")[0].warm


def test_weights_that_have_seen_a_test_class_are_left_alone(tmp_path, inputs):
    first, _ = run(settings_of(), inputs, tmp_path / "first")
    assert first.seen.train and first.seen.val and not first.seen.train & first.seen.val
    save_weights(first.learner, str(tmp_path / WEIGHTS))
    still = settings_of(warm_start=str(tmp_path), training={"steps": 0})
    first.seen.write(str(tmp_path))
    warm, _ = run(still, inputs, tmp_path / "same")
    assert warm.warm and warm.seen == first.seen
    (Seen(train=frozenset({"elsewhere"})) | first.seen).write(str(tmp_path))
    assert "elsewhere" in run(still, inputs, tmp_path / "more")[0].seen.train, "what an ancestor has seen stays seen"
    name = ImageStore.open(os.path.join(inputs.test, "store")).index.names[0]
    (Seen(val=frozenset({name})) | first.seen).write(str(tmp_path))
    cold, _ = run(still, inputs, tmp_path / "test")
    assert not cold.warm and cold.no_warm_start == f"it was trained on 1 of the classes that must be unseen ({name})"
    assert cold.seen == first.seen


def test_a_checkpoint_is_not_that_of_other_validation_episodes(tmp_path, inputs):
    assert run(settings_of(), inputs, tmp_path)[1] == [1, 2, 3, 4, 5, 6]
    assert run(settings_of(), inputs, tmp_path)[1] == []
    frozen = sorted(tf.io.gfile.glob(os.path.join(inputs.val, "episodes-*")))
    other = tmp_path / "val"
    shutil.copytree(inputs.val, other)
    records = list(tf.data.TFRecordDataset(frozen).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(other / os.path.basename(frozen[0]))) as writer:
        for record in records[:-1]:
            writer.write(record)
    assert run(settings_of(), inputs._replace(val=str(other), val_episodes=3), tmp_path)[1] == [1, 2, 3, 4, 5, 6]


def test_old_checkpoints_go(tmp_path, inputs, monkeypatch):
    monkeypatch.setattr("components.meta_trainer.train.CHECKPOINTS", 2)
    for seed in range(3):
        run(settings_of(seed=seed), inputs, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert run(settings_of(seed=2), inputs, tmp_path)[1] == [], "the newest stay"


def test_weights_that_do_not_fit_are_left_alone(tmp_path, inputs):
    wide, _ = run(settings_of(base_model={"settings": {"filters": 6}}, training={"steps": 1}), inputs, tmp_path)
    save_weights(wide.learner, str(tmp_path / WEIGHTS))
    settings = settings_of(warm_start=str(tmp_path), training={"steps": 1})
    found, steps = run(settings, inputs, tmp_path / "narrow")
    assert not found.warm and steps == [1]
    assert found.no_warm_start == "its weight 'base/batch_normalization/beta' has shape (6,), expected (4,)"
    learner = new_learner(settings_of(), ImageStore.open(os.path.join(inputs.train, "store")))
    assert assign_weights(learner, str(tmp_path / "missing.npz")) == (None, "it has no weights")


def behind_a_trunk(seed: int) -> TrainerSettings:
    return settings_of(base_model={"settings": {"filters": 4}, "trainable": "last 2"}, seed=seed)


def test_weights_behind_another_trunk_are_left_alone(tmp_path, inputs):
    """They fit by name and shape, and are worth nothing behind other features."""
    store = ImageStore.open(os.path.join(inputs.train, "store"))

    def learner_of(seed: int):
        keras.utils.set_random_seed(seed)
        return new_learner(behind_a_trunk(seed), store)

    one, other = learner_of(0), learner_of(1)
    save_weights(one, str(tmp_path / WEIGHTS))
    refused = "it has another trunk (base_model.trainable)"
    assert assign_weights(other, str(tmp_path / WEIGHTS)) == (None, refused)
    assert assign_weights(learner_of(0), str(tmp_path / WEIGHTS))[0] == weights_fingerprint(one)
    assert weights_fingerprint(one) != weights_fingerprint(other)


def test_features_of_another_trunk_are_not_trained_on(tmp_path, inputs):
    with pytest.raises(ValueError, match=r"made by another trunk \(none\) than the base model has \([0-9a-f]{12}\)"):
        run(behind_a_trunk(0), inputs, tmp_path)


def test_stages_go_on_with_the_base_model_of_the_one_before(tmp_path, inputs):
    """A classifier first, then episodes; the history counts on, and a run that was killed in the second stage goes on there."""
    first = {"steps": 3, "learner": {"name": "transfer"}, "learning_rate": 0.01}
    staged = settings_of(training={**SETTINGS["training"], "steps": 4, "before": [first]})
    found, steps = run(staged, inputs, tmp_path / "whole")
    assert steps == [1, 2, 3, 4, 5, 6, 7] and [row["step"] for row in found.history["steps"]] == steps
    assert [row["step"] for row in found.history["validation"]] == [3, 6, 7]
    assert found.history["best_step"] > 3, "weights are chosen among those of the last stage"
    alone, _ = run(
        settings_of(learner={"name": "transfer"}, training={**SETTINGS["training"], **first_of(first)}),
        inputs,
        tmp_path,
    )
    assert alone.history["steps"] == found.history["steps"][:3]

    def die(progress):
        if progress.step == 6:
            raise Killed

    with pytest.raises(Killed):
        train(staged, inputs, str(tmp_path / "killed"), "code", lambda history: die)
    resumed, rest = run(staged, inputs, tmp_path / "killed")
    assert rest == [6, 7] and resumed.history == found.history
    for a, b in zip(weights_of(resumed.learner), weights_of(found.learner), strict=True):
        np.testing.assert_array_equal(a, b)


def first_of(stage: dict) -> dict:
    return {key: value for key, value in stage.items() if key != "learner"}


def test_kernels_are_deterministic_unless_they_need_not_be(tmp_path, inputs, monkeypatch):
    switched: list[bool] = []
    monkeypatch.setattr("tensorflow.config.experimental.enable_op_determinism", lambda: switched.append(True))
    run(settings_of(training={"steps": 1}), inputs, tmp_path)
    assert switched == [True]
    one, _ = run(settings_of(training={"steps": 1, "deterministic": False}), inputs, tmp_path)
    assert switched == [True]
    keras.utils.set_random_seed(9)
    other, _ = run(settings_of(training={"steps": 1, "deterministic": False}), inputs, tmp_path / "again")
    for a, b in zip(weights_of(one.learner), weights_of(other.learner), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5, err_msg="the seed is set in both cases")


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_missing_kernel_is_told_in_one_sentence(tmp_path, inputs, monkeypatch, deterministic):
    said = "Graph execution error:\n\nA deterministic GPU implementation of X is not currently available.\n\t[[{{node x}}]]"

    def lacks(_):
        raise tf.errors.UnimplementedError(None, None, said)

    monkeypatch.setattr(Trainer, "run", lacks)
    expected = (
        (ValueError, r"lacks a kernel \(A deterministic .* available.\); set training.deterministic=false")
        if deterministic
        else (tf.errors.UnimplementedError, "of X is not currently available")
    )
    with pytest.raises(expected[0], match=expected[1]):
        run(settings_of(training={"steps": 1, "deterministic": deterministic}), inputs, tmp_path)


def test_a_fixed_head_wants_one_way(tmp_path, inputs):
    settings = settings_of(learner={"name": "maml"}, episodes={"way": (2, 3), "query": 2})
    with pytest.raises(ValueError, match="fixed head: train_episodes.way must be one number"):
        run(settings, inputs, tmp_path)
