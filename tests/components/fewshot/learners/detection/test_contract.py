"""One contract, every detector: what the training loop, the server and the evaluator rely on."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.base_models.faster_rcnn import faster_rcnn
from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.scenes import Marked
from components.fewshot.learners.detection import DETECTORS
from components.fewshot.learners.detection.detector import FOUND, crops_at
from components.fewshot.serving.state import Packing
from components.fewshot.settings.detectors import DETECTOR_SETTINGS
from components.fewshot.training.optimizer import build_optimizer
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import compiled_step
from components.fewshot.training.units import Units
from tests.components.fewshot.toy_scenes import QUERY, SIDE, WAY, task_of, unit_of

KINDS = {
    **{name: (name, {}) for name in DETECTORS},
    "protonet, cohort": ("protonet", {"auxiliary": 1.0, "cohort": 0.5}),
    "transfer, steps": ("transfer", {"head_steps": 5}),
    "finetune": ("finetune", {"steps": 3}),
}
SMALL = {"filters": 16, "embedding": 16, "sizes": [0.3], "ratios": [1.0]}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


def make(kind: str):
    keras.utils.set_random_seed(0)
    name, own = KINDS[kind]
    learner = DETECTORS[name]
    base = PureModel(faster_rcnn((SIDE, SIDE, 1), **SMALL))
    return learner(base, learner.Settings(**{"proposals": 16, **own}), WAY, 7)


def stepping(learner, steps: int):
    """A function of training units, as the training loop has it."""
    units = Units(lambda number: None, _signature(unit_of(learner.unit, task_of())), 1, 1)
    settings = TrainingSettings(steps=steps, learning_rate=5e-3, gradient_clip=5.0, schedule="constant")
    trained = [*learner.variables().base, *learner.variables().own]
    optimizer = build_optimizer(settings, trained)
    optimizer.build(trained)
    return compiled_step(learner, optimizer, units, settings)


def _signature(unit):
    as_bytes = unit.with_images(_bytes)
    return tf.nest.map_structure(lambda part: tf.TensorSpec([None, *part.shape[1:]], part.dtype), as_bytes)


def _bytes(images):
    return tf.cast(images * 255, tf.uint8)


def trained(kind: str, steps: int):
    """A detector after some steps on one episode, with its losses."""
    learner = make(kind)
    step = stepping(learner, steps)
    unit = unit_of(learner.unit, task_of()).with_images(_bytes)
    return learner, [float(step((unit,)).loss) for _ in range(steps)]


@functools.cache
def overfitted(kind: str):
    """A detector that knows one episode, with its losses on the way; no test may change it."""
    return trained(kind, 60)


def compiled(learner):
    """Adapts and predicts in a graph, as the server does: (support, labels, queries) to detections."""

    @tf.function(autograph=False, reduce_retracing=True)
    def run(support, labels, query):
        weights = learner.values()
        return learner.predict(weights, learner.adapt(weights, support, labels, WAY), query)

    return run


def test_the_tables_agree():
    assert DETECTORS.keys() == DETECTOR_SETTINGS.keys()
    for name, learner in DETECTORS.items():
        assert learner.Settings is DETECTOR_SETTINGS[name]
        assert learner.unit == learner.Settings.unit


def test_shapes(kind):
    learner, task = make(kind), task_of()
    weights = learner.values()
    state = learner.adapt(weights, task.support, task.support_labels, WAY)
    parts = learner.task_state_parts(WAY)
    assert state.keys() == parts.keys()
    for key, part in parts.items():
        assert state[key].dtype == part.dtype and tuple(state[key].shape) == part.shape
    found = learner.predict(weights, state, task.query.images)
    assert found.boxes.shape == (QUERY, FOUND, 4) and found.scores.shape == found.classes.shape == (QUERY, FOUND)
    assert found.scores.dtype == "float32" and found.classes.dtype == "int32"
    scores, classes = np.array(found.scores), np.array(found.classes)
    assert (np.diff(scores) <= 0).all() and (scores >= 0).all() and (scores <= 1).all()
    assert ((classes == -1) == (scores == 0)).all() and classes.max() < WAY
    proposals = learner.propose(weights, task.query.images)
    assert proposals.boxes.shape == (QUERY, 16, 4) and proposals.objectness.shape == (QUERY, 16)


def test_the_unit_of_training(kind):
    learner = make(kind)
    weights = learner.values()
    loss, gradients, aux = learner.outer_step(weights, unit_of(learner.unit, task_of()))
    assert loss.shape == () and aux.logits.shape[0] == aux.targets.shape[0]
    assert [g.shape for g in gradients] == [v.shape for v in weights.base + weights.own]
    assert [s.shape for s in aux.state] == [v.shape for v in weights.state]
    still = [w.name for w, g in zip(learner.base.weights.values(), gradients, strict=False) if not np.any(g)]
    assert not still or {"roi_embedding", "roi_dense", "roi_conv"}.isdisjoint(name.split("/")[0] for name in still)


def test_pure(kind):
    learner, task = make(kind), task_of()
    before = [variable.numpy() for part in learner.variables() for variable in part]
    run = compiled(learner)
    first, again = (run(task.support, task.support_labels, task.query.images) for _ in range(2))
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    learner.outer_step(learner.values(), unit_of(learner.unit, task))
    for was, variable in zip(before, (v for part in learner.variables() for v in part), strict=True):
        np.testing.assert_array_equal(was, variable.numpy())


def test_it_learns_and_finds(kind):
    """After a few steps on one episode it finds nearly all in it."""
    learner, losses = overfitted(kind)
    assert losses[-1] < 0.5 * losses[0]
    task = task_of()
    found = compiled(learner)(task.support, task.support_labels, task.query.images)
    best = [int(classes[0]) for classes in found.classes]
    truth = [set(labels.tolist()) for labels in task.in_episode(task.query.labels).numpy()]
    assert sum(one in known for one, known in zip(best, truth, strict=True)) >= 3


def test_an_image_alone_and_in_a_batch(kind):
    """To the last bit."""
    learner, _ = overfitted(kind)
    task, run = task_of(1), compiled(learner)
    together = run(task.support, task.support_labels, task.query.images)
    for image in range(QUERY):
        alone = run(task.support, task.support_labels, task.query.images[image : image + 1])
        for one, among in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], among[image])


def test_the_task_state_packs(kind):
    learner, task = make(kind), task_of()
    weights, packing = learner.values(), Packing(learner)
    state = learner.adapt(weights, task.support, task.support_labels, WAY)
    unpacked = packing.unpack(packing.pack(state, WAY), tf.constant(WAY))
    assert unpacked.keys() == state.keys()
    for key, value in state.items():
        np.testing.assert_array_equal(value, unpacked[key])


def test_permuted_classes_permute_detections(kind):
    learner, _ = overfitted(kind)
    task, run = task_of(), compiled(learner)
    order = np.int32([2, 0, 1])
    first = run(task.support, task.support_labels, task.query.images)
    permuted = run(task.support, tf.gather(order, task.support_labels), task.query.images)
    np.testing.assert_allclose(first.scores, permuted.scores, atol=1e-5)
    apart = np.abs(np.diff(first.scores, axis=1)) > 1e-4  # what is equally sure may change places
    clear = np.pad(apart, ((0, 0), (1, 0)), constant_values=True) & np.pad(
        apart, ((0, 0), (0, 1)), constant_values=True
    )
    classes = np.array(first.classes)
    named = np.where(classes < 0, classes, order[np.maximum(classes, 0)])
    np.testing.assert_array_equal(named[clear], np.array(permuted.classes)[clear])


def test_a_class_without_an_object_is_never_found(kind):
    learner, task = make(kind), task_of()
    weights = learner.values()
    state = learner.adapt(weights, task.support, tf.minimum(task.support_labels, 1), WAY)
    classes = np.array(learner.predict(weights, state, task.query.images).classes)
    assert set(np.unique(classes)) <= {-1, 0, 1} and np.all(np.isfinite(state[next(iter(state))]))


def test_two_trainings_end_with_the_same_bits(kind):
    tf.config.experimental.enable_op_determinism()
    ends = [{name: v.numpy() for name, v in trained(kind, 4)[0].named_variables().items()} for _ in range(2)]
    assert ends[0].keys() == ends[1].keys()
    for name, value in ends[0].items():
        np.testing.assert_array_equal(value, ends[1][name], err_msg=name)


def test_crops_one_after_the_other_are_those_of_all_together():
    learner, rng = make("protonet"), np.random.default_rng(0)
    maps = tf.constant(rng.random((2, 8, 8, 3)), tf.float32)
    boxes = tf.constant([[0.1, 0.2, 0.5, 0.9], [0.0, 0.0, 1.0, 1.0], [0.3, 0.3, 0.4, 0.6]])
    support = Marked(tf.zeros((2, 1, 1, 1)), boxes, tf.constant([1, 0, 1]))
    one_by_one = crops_at(maps, boxes[:, None], support.box_images)[:, 0]
    np.testing.assert_allclose(one_by_one, learner.marked_crops(maps, support), rtol=1e-5)
