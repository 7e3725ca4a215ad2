"""The outer loop: it learns, and stopped at any moment it goes on as if it never had been."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LEARNERS, LearnerChoice, build_learner
from components.fewshot.training.optimizer import build_optimizer, named_slots
from components.fewshot.training.selection import Validator, as_good_as_best, higher
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import SEEDS_APART, moved_seeds
from tests.components.fewshot.training.toys import final, pictures, trainer


@pytest.fixture(scope="module")
def store() -> ArrayStore:
    return pictures()


class Killed(Exception):
    pass


def killer(at: int):
    def report(progress):
        if progress.step == at:
            raise Killed

    return report


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_learns(store, learner):
    run = trainer(store, learner=learner, steps=120, validate_every=40)
    history = run.run().history
    accuracies = [row["accuracy"] for row in history["validation"]]
    assert max(accuracies) > 0.8, accuracies
    assert [row["step"] for row in history["steps"]] == list(range(1, 121))


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_killed_again_and_again_ends_bit_for_bit_the_same(store, tmp_path, learner):
    unbroken = trainer(store, learner=learner)
    expected = final(unbroken)
    path = str(tmp_path / "checkpoint.npz")
    for at in (1, 3, 5, 6, 11, 12):
        with pytest.raises(Killed):
            trainer(store, path, learner, killer(at)).run()
    last = trainer(store, path, learner)
    for a, b in zip(expected, final(last), strict=True):
        np.testing.assert_array_equal(a, b)
    assert last.history == unbroken.history


EVERYTHING = {
    "steps": 8,
    "validate_every": 3,
    "warm_up": 4,
    "head_rate": 3.0,
    "weight_decay": 0.1,
    "augmentation": {
        **{"crop": 0.5, "flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1},
        **{"colour": 0.3, "cutout": 0.3},
    },
    "label_smoothing": 0.1,
    "blend": 0.25,
}


def everything(learner: str) -> dict:
    """All that training can do, which a learner can be trained with."""
    return EVERYTHING | ({"mixup": 0.3} if LEARNERS[learner].unit == "shuffled" else {})


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_and_so_it_does_with_all_that_is_drawn_at_random(store, tmp_path, learner):
    settings = everything(learner)
    unbroken = trainer(store, learner=learner, **settings)
    expected = final(unbroken)
    assert all(np.isfinite(row["loss"]) for row in unbroken.history["steps"])
    path = str(tmp_path / "checkpoint.npz")
    for at in (3, 7, 8):
        with pytest.raises(Killed):
            trainer(store, path, learner, killer(at), **settings).run()
    last = trainer(store, path, learner, **settings)
    for a, b in zip(expected, final(last), strict=True):
        np.testing.assert_array_equal(a, b)
    assert last.history == unbroken.history


@pytest.mark.parametrize(
    "settings",
    [{"augmentation": {"flip": True}}, {"label_smoothing": 0.1}, {"mixup": 0.3}, {"warm_up": 2}, {"head_rate": 2.0}],
    ids=lambda settings: next(iter(settings)),
)
def test_each_of_it_makes_a_difference(store, settings):
    runs = [trainer(store, learner="transfer", steps=3, **chosen) for chosen in ({}, settings)]
    plain, other = (final(run) for run in runs)
    assert any((a != b).any() for a, b in zip(plain, other, strict=True))


FALLS_APART = {
    "steps": 30,
    "learning_rate": 3.0,
    "schedule": "constant",
    "optimizer": "sgd",
    "gradient_clip": 1.0,
}


def test_best_weights_are_kept(store, monkeypatch):
    found, judge = [], Validator.__call__
    monkeypatch.setattr(Validator, "__call__", lambda *given: (found.append(judge(*given)), found[-1])[1])
    run = trainer(store, **FALLS_APART)
    history = run.run().history
    rows, highest, kept = history["validation"], np.zeros(0), found[0][0]
    for row, accuracies in found:
        highest = higher(accuracies, highest)
        kept = row if as_good_as_best(accuracies, highest) else kept
    assert history["best_step"] == kept["step"] < 30, "the last weights of a training that falls apart are not kept"
    run._validate()
    assert rows[-1]["accuracy"] == kept["accuracy"]


@pytest.mark.parametrize("at", [11, 16, 26])
def test_a_resumed_run_chooses_as_an_unbroken_one(store, tmp_path, at):
    """It compares with the episodes of a validation before the kill, which only the checkpoint still has."""
    unbroken = trainer(store, **FALLS_APART)
    unbroken.run()
    path = str(tmp_path / "checkpoint.npz")
    with pytest.raises(Killed):
        trainer(store, path, report=killer(at), **FALLS_APART).run()
    resumed = trainer(store, path, **FALLS_APART)
    assert 0 < resumed.step <= at
    assert resumed.run().history == unbroken.history
    np.testing.assert_array_equal(resumed.highest, unbroken.highest)


def test_patience(store):
    run = trainer(store, steps=500, validate_every=2, patience=3, learning_rate=1e-12)
    history = run.run().history
    assert history["best_step"] == 8 and len(history["steps"]) == 8


def test_no_steps_leave_the_initial_weights(store):
    run = trainer(store, steps=0)
    before = [v.numpy() for part in run.learner.variables() for v in part]
    for a, b in zip(before, final(run), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [row["step"] for row in run.history["validation"]] == [0]


def test_ranges_of_way_and_shot(store):
    spec = EpisodeSpec(way=(2, 4), shot=(1, 3), query=2)
    history = trainer(store, spec=spec, meta_batch=3, steps=6).run().history
    assert all(np.isfinite(row["loss"]) for row in history["steps"])


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_layouts_agree(store, learner):
    losses = [
        [
            row["loss"]
            for row in trainer(store, learner=learner, layout=layout, meta_batch=2, steps=3).run().history["steps"]
        ]
        for layout in ("unrolled", "mapped")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_divergence_is_said(store):
    run = trainer(store, steps=200, learning_rate=1e30, optimizer="sgd", schedule="constant")
    with pytest.raises(
        ValueError, match="training diverged: the loss is (nan|inf) at step .*lower training.learning_rate"
    ):
        run.run()
    assert run.history["steps"] and all(np.isfinite(row["loss"]) for row in run.history["steps"])


def test_schedules():
    def rate(step, **settings):
        optimizer = build_optimizer(TrainingSettings(steps=100, learning_rate=0.1, **settings))
        optimizer.iterations.assign(step)
        return float(keras.ops.convert_to_tensor(optimizer.learning_rate))

    assert [rate(s, schedule="constant") for s in (0, 99)] == pytest.approx([0.1, 0.1])
    assert [rate(s, schedule="cosine") for s in (0, 50, 100)] == pytest.approx([0.1, 0.05, 0.0], abs=1e-8)
    halving = [rate(s, schedule="halving", halve_every=10) for s in (0, 9, 10, 25)]
    assert halving == pytest.approx([0.1, 0.1, 0.05, 0.025])


def test_optimizers_by_name():
    assert isinstance(build_optimizer(TrainingSettings(optimizer="AdamW")), keras.optimizers.AdamW)
    with pytest.raises(ValueError, match=r"no 'adaam' in Keras; there are .*adam, .*sgd"):
        build_optimizer(TrainingSettings(optimizer="adaam"))


@pytest.mark.parametrize("name", ["adam", "sgd", "adafactor"])
def test_slots_go_by_the_name_of_their_weight(store, name):
    """The same names in a second model of one process, whose layers Keras numbers on."""
    runs = [trainer(store, optimizer=name, gradient_clip=1.0) for _ in range(2)]
    assert list(runs[0].slots) == list(runs[1].slots)
    assert len(runs[0].slots) == len(runs[0].optimizer.variables)
    if name == "adam":
        assert {"base/conv2d/kernel/momentum", "base/dense/bias/velocity", "iteration"} <= runs[0].slots.keys()


def test_slots_of_weights_with_equal_paths_are_all_kept():
    inputs = keras.Input((2,))
    parts = [keras.Sequential([keras.Input((2,)), layers.Dense(2, name="fc")], name=name) for name in "ab"]
    learner = build_learner(LearnerChoice(), PureModel(keras.Model(inputs, parts[1](parts[0](inputs)))), 2, 4)
    optimizer = build_optimizer(TrainingSettings())
    optimizer.build(learner.variables().base)
    slots = named_slots(optimizer, learner.named_variables())
    assert [id(variable) for variable in slots.values()] == [id(variable) for variable in optimizer.variables]


def test_steps_are_reported_in_order_and_read_in_blocks(store):
    seen: list[tuple[int, int]] = []
    run = trainer(store, steps=25, validate_every=100, checkpoint_every=100)
    run.report = lambda progress: seen.append((progress.step, len(run.history["steps"])))
    run.run()
    assert seen == [(step, 10 if step <= 10 else 20 if step <= 20 else 25) for step in range(1, 26)]


def test_each_step_draws_the_next_episodes(store):
    drawn: list[int] = []
    run = trainer(store, meta_batch=2, steps=3)
    read = run.units.read
    run.units = run.units._replace(read=lambda i: (drawn.append(i), read(i))[1])
    run.run()
    assert sorted(drawn) == list(itertools.islice(itertools.count(), 6))  # threads read ahead


@pytest.mark.parametrize(
    ("validated", "said"), [(True, "the validation loss is nan"), (False, "a weight is not finite")]
)
def test_what_is_not_finite_is_not_handed_over(store, validated, said):
    """The only training loss is that of before the step, and it is finite."""
    run = trainer(store, steps=1, learning_rate=1e39, optimizer="sgd", schedule="constant")
    run.validation = run.validation if validated else None
    with pytest.raises(ValueError, match=f"training diverged: {said} at step 1; lower"):
        run.run()


def test_each_task_of_a_meta_batch_has_a_dropout_of_its_own():
    images = np.ones((4, 100), np.float32)
    layer = layers.Dropout(0.5)
    pure = PureModel(keras.Sequential([keras.Input((100,)), layer]))
    weights = [pure.weights[id(variable)] for variable in pure.model.non_trainable_variables]
    state = [weight.variable.value for weight in weights]
    masks = []
    for number in (0, 1):
        own = moved_seeds(weights, state, number * SEEDS_APART)
        masks.append(np.array(pure([], own, images, training=True, batch_statistics=False)[0].vector))
    assert (masks[0] != masks[1]).any()
    np.testing.assert_array_equal(moved_seeds(weights, own, -SEEDS_APART)[0], state[0])
