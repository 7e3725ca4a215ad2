"""One contract, every learner: what the training loop, the server and the evaluator rely on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.task import Task
from components.fewshot.learners import LEARNERS, HeadLearner, LearnerChoice, Weights, build_learner
from components.fewshot.learners.gradients import value_and_grad
from components.fewshot.learners.maths import class_means, cross_entropy
from components.fewshot.settings.kinds import settings_class
from tests.components.fewshot.toys import unit_of

WAY, SHOT, QUERY = 3, 2, 4
MODES = ("running", "support", "transductive")


@pytest.fixture(params=sorted(LEARNERS))
def name(request):
    return request.param


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def small_base(batch_norm: bool = True, regularizer=None) -> keras.Model:
    inputs = x = keras.Input((6, 6, 1))
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer=regularizer)(x)
    x = layers.BatchNormalization()(x) if batch_norm else x
    x = layers.MaxPooling2D()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Flatten()(x))


def make(name: str, seed: int = 0, **settings):
    return build_learner(LearnerChoice(name=name, settings=settings), PureModel(small_base()), WAY, 7, seed)


def weights_of(learner) -> Weights:
    return Weights(*([v.value for v in part] for part in learner.variables()))


def task_of(seed: int = 0, noise: float = 0.3) -> Task:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).random((WAY, 6, 6, 1))
    support_labels, query_labels = np.repeat(np.arange(WAY), SHOT), np.repeat(np.arange(WAY), QUERY)

    def images(labels):
        return ops.convert_to_tensor((centres[labels] + noise * rng.random((len(labels), 6, 6, 1))).astype("float32"))

    as_labels = [ops.convert_to_tensor(labels.astype("int32")) for labels in (support_labels, query_labels)]
    return Task(
        images(support_labels), as_labels[0], images(query_labels), as_labels[1], ops.arange(WAY, dtype="int32") + 2
    )


def logits_of(learner, task, weights=None):
    weights = weights or weights_of(learner)
    state = learner.adapt(weights, task.support, task.support_labels, WAY)
    return np.array(learner.predict(weights, state, task.query))


def test_shapes(name):
    learner, task = make(name), task_of()
    weights = weights_of(learner)
    state = learner.adapt(weights, task.support, task.support_labels, WAY)
    parts = learner.task_state_parts(WAY)
    assert state.keys() == parts.keys()
    for key, part in parts.items():
        assert state[key].dtype == part.dtype and len(state[key].shape) == len(part.shape)
        assert all(side in (None, has) for side, has in zip(part.shape, state[key].shape, strict=True))
    assert learner.predict(weights, state, task.query).shape == (WAY * QUERY, WAY)
    unit = unit_of(learner, task)
    loss, gradients, aux = learner.outer_step(weights, unit)
    assert loss.shape == () and aux.logits.shape[0] == aux.targets.shape[0]
    assert [g.shape for g in gradients] == [v.shape for v in weights.base + weights.own]
    assert [s.shape for s in aux.state] == [v.shape for v in weights.state]


def test_pure(name):
    learner, task = make(name), task_of()
    before = [v.numpy() for part in learner.variables() for v in part]
    first, again = (logits_of(learner, task), logits_of(learner, task))
    learner.outer_step(weights_of(learner), unit_of(learner, task))
    np.testing.assert_array_equal(first, again)
    for was, variable in zip(before, (v for part in learner.variables() for v in part), strict=True):
        np.testing.assert_array_equal(was, variable.numpy())


@pytest.mark.parametrize("mode", MODES)
def test_loss_falls(name, mode):
    learner, task = make(name, batch_norm=mode), task_of()
    optimizer = keras.optimizers.Adam(0.01)
    trained = learner.variables().base + learner.variables().own
    losses = []
    for _ in range(40):
        loss, gradients, aux = learner.outer_step(weights_of(learner), unit_of(learner, task))
        optimizer.apply(gradients, trained)
        for variable, value in zip(learner.variables().state, aux.state, strict=True):
            variable.assign(value)
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]


def test_chance_where_images_tell_nothing(name):
    """Images dealt out to the classes at random, labels staying class by class: place alone must tell nothing."""
    learner, rng = make(name), np.random.default_rng(0)
    hits = []
    for seed in range(40):
        task = task_of(seed)
        dealt = rng.permutation(np.concatenate([task.support, task.query]))
        images = [ops.convert_to_tensor(part) for part in np.split(dealt, [WAY * SHOT])]
        shuffled = task._replace(support=images[0], query=images[1])
        hits.append(np.mean(logits_of(learner, shuffled).argmax(1) == np.array(task.query_labels)))
    # 480 answers: a standard deviation of 2.2 points
    assert abs(np.mean(hits) - 1 / WAY) < 0.1


@pytest.mark.parametrize("mode", ["running", "support"])
def test_inductive(name, mode):
    learner, task = make(name, batch_norm=mode), task_of()
    together = logits_of(learner, task)
    alone = np.concatenate([logits_of(learner, task._replace(query=task.query[i : i + 1])) for i in range(12)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits_of(learner, task._replace(query=task.query[::-1])), together[::-1], 1e-4, 1e-4)


def test_transductive_queries_do_help_one_another(name):
    learner, task = make(name, batch_norm="transductive"), task_of()
    alone = logits_of(learner, task._replace(query=task.query[:1]))
    assert np.abs(alone - logits_of(learner, task)[:1]).max() > 1e-3


@pytest.mark.parametrize(("mode", "fixed"), [("running", True), ("support", False), ("transductive", False)])
def test_features_that_are_fixed(name, mode, fixed):
    """Those of the base model alone, in batches of their own, give the very task state and the very logits."""
    learner, task = make(name, batch_norm=mode), task_of()
    assert learner.has_fixed_features is (fixed and isinstance(learner, HeadLearner))
    if not learner.has_fixed_features:
        return
    weights = weights_of(learner)
    support, query = (
        learner.base(weights.base, weights.state, images, training=False, batch_statistics=False)[0].vector
        for images in (task.support, task.query)
    )
    head = learner.fit(weights, support, task.support_labels, WAY)
    for key, part in learner.adapt(weights, task.support, task.support_labels, WAY).items():
        np.testing.assert_array_equal(head[key], part)
    np.testing.assert_array_equal(learner.classify(weights, head, query), logits_of(learner, task))


def test_without_batch_norm_features_are_fixed_whatever_the_mode():
    base = PureModel(small_base(batch_norm=False))
    choices = {
        (name, mode): LearnerChoice(name=name, settings={"batch_norm": mode}) for name in LEARNERS for mode in MODES
    }
    fixed = {key: build_learner(choice, base, WAY, 7).has_fixed_features for key, choice in choices.items()}
    assert fixed == {(name, mode): name != "maml" for name, mode in choices}


def test_order_of_support_does_not_matter(name):
    learner, task = make(name), task_of()
    order = np.random.default_rng(1).permutation(WAY * SHOT)
    mixed = task._replace(support=ops.take(task.support, order, 0), support_labels=ops.take(task.support_labels, order))
    np.testing.assert_allclose(logits_of(learner, mixed), logits_of(learner, task), rtol=1e-3, atol=1e-4)


def test_permuting_classes_permutes_logits(name):
    learner, task = make(name), task_of()
    permutation = np.array([2, 0, 1])  # class c is now called permutation[c]
    renamed = task._replace(
        support_labels=ops.convert_to_tensor(permutation.astype("int32")[np.array(task.support_labels)])
    )
    weights = weights_of(learner)
    if learner.has_fixed_head:  # its initial head knows classes by place: permute that too
        kernel, bias = (part.numpy() for part in weights.own)
        back = np.argsort(permutation)
        weights = weights._replace(own=[tf.constant(kernel[:, back]), tf.constant(bias[back])])
    there = logits_of(learner, renamed, weights)
    np.testing.assert_allclose(there[:, permutation], logits_of(learner, task), rtol=1e-3, atol=1e-4)


def test_easy_task_is_solved(name):
    learner, task = make(name), task_of(noise=0.01)
    assert np.mean(logits_of(learner, task).argmax(1) == np.array(task.query_labels)) == 1.0


@pytest.mark.parametrize("name", [name for name in sorted(LEARNERS) if LEARNERS[name].unit == "episode"])
def test_distractors_do_not_count(name):
    learner, task = make(name, batch_norm="support"), task_of()
    weights = weights_of(learner)
    extra = ops.concatenate([task.query, ops.ones((2, 6, 6, 1))])
    labels = ops.concatenate([task.query_labels, ops.full((2,), -1, dtype="int32")])
    loss = learner.outer_step(weights, task).loss
    with_distractors = learner.outer_step(weights, task._replace(query=extra, query_labels=labels)).loss
    np.testing.assert_allclose(with_distractors, loss, rtol=1e-4)


def test_support_moments_move_once_and_by_their_layer(name):
    """`embed` and a learner's next task begin with them: those of one support set would be arbitrary. Here they go a
    hundredth of the way (Keras's momentum of 0.99) from mean 0 and variance 1 to those of what was convolved."""
    learner, task = make(name, batch_norm="support", **({"test_steps": 1} if name == "maml" else {})), task_of()
    weights = weights_of(learner)
    kernel, bias = weights.base[:2]
    if name == "maml":  # moments belong to the weights after the inner loop
        state = learner.adapt(weights, task.support, task.support_labels, WAY)
        kernel, bias = state["fast_0"], state["fast_1"]
    images = ops.concatenate([task.support, task.query]) if learner.unit != "episode" else task.support
    convolved = np.array(ops.conv(images, kernel, padding="same") + bias)
    mean, variance = learner.outer_step(weights, unit_of(learner, task)).aux.state
    np.testing.assert_allclose(mean, 0.01 * convolved.mean((0, 1, 2)), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * convolved.var((0, 1, 2)), rtol=1e-4)


def test_same_seed_same_variables(name):
    one, same, other = ([v.numpy() for v in make(name, seed).own] for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    random = [pair for pair in zip(one, other, strict=True) if pair[0].ndim > 1]  # a scale has no seed
    assert not random or any(np.abs(a - b).max() > 0 for a, b in random)


@pytest.mark.parametrize(("settings", "said"), [({"stepz": 3}, "has batch_norm"), ({"batch_norm": "magic"}, "running")])
def test_settings_that_do_not_exist(name, settings, said):
    with pytest.raises(ValueError, match=said):
        LearnerChoice(name=name, settings=settings).parsed(settings_class(name))


def test_regularisation_is_part_of_the_objective(name):
    """A quarter of the squared kernel, in the loss and in its gradient, whatever the learner."""
    plain, regular = (
        build_learner(LearnerChoice(name=name), PureModel(small_base(regularizer=r)), WAY, 7)
        for r in (None, keras.regularizers.L2(0.25))
    )
    for ours, theirs in zip(*(learner.named_variables().values() for learner in (regular, plain)), strict=True):
        ours.assign(theirs)
    unit, kernel = unit_of(plain, task_of()), np.array(plain.values().base[0])
    without, with_it = (learner.outer_step(learner.values(), unit) for learner in (plain, regular))
    assert float(with_it.loss) == pytest.approx(float(without.loss) + 0.25 * (kernel**2).sum(), rel=1e-5)
    np.testing.assert_allclose(with_it.gradients[0], without.gradients[0] + kernel / 2, rtol=1e-3, atol=1e-5)
    for ours, theirs in zip(with_it.gradients[1:], without.gradients[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_no_such_learner():
    with pytest.raises(ValueError, match="no 'protonets'; there are protonet, matching, nca, ridge, maml, transfer"):
        settings_class("protonets")


def test_cross_entropy_by_hand():
    logits = ops.convert_to_tensor(np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]).astype("float32"))
    labels = ops.convert_to_tensor(np.array([0, 1], "int32"))
    assert float(cross_entropy(logits, labels)) == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 2)
    known = ops.convert_to_tensor(np.array([0, -1], "int32"))
    assert float(cross_entropy(logits, known)) == pytest.approx(-np.log(0.5))


def test_class_means_by_hand():
    features = ops.convert_to_tensor(np.array([[0.0, 2], [4, 4], [2, 4]], "float32"))
    labels = ops.convert_to_tensor(np.array([0, 1, 0], "int32"))
    assert np.array(class_means(features, labels, 2)).tolist() == [[1, 3], [4, 4]]


def test_value_and_grad_by_hand():
    (value, aux), gradients = value_and_grad(
        lambda at: (at[0] ** 2 * at[1], "aux"), [tf.constant(3.0), tf.constant(2.0)]
    )
    assert float(value) == 18 and aux == "aux" and [float(g) for g in gradients] == [12, 9]
    _, zero = value_and_grad(lambda at: (at[0] * 1.0, None), [tf.constant(3.0), tf.constant(2.0)])
    assert float(zero[1]) == 0
