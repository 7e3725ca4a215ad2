"""Shares of a step: what they are, that each is on its own device, and that many devices and workers train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import portpicker
import pytest
import tensorflow as tf

from components.fewshot.episodes.task import Batch, Task
from components.fewshot.training.devices import devices_of
from components.fewshot.training.layouts import LAYOUTS
from components.fewshot.training.shares import shares_of, spread
from components.fewshot.training.workers import ALONE
from tests.components.fewshot.training import several

# Weights after six steps, of size 1: sums of the same gradients in another order.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def task(number: int) -> Task:
    images, labels = tf.fill((2, 1, 1, 1), float(number)), tf.constant([0, 1])
    return Task(images, labels, images, labels, labels)


def batch(rows: int) -> Batch:
    return Batch(tf.reshape(tf.range(rows, dtype=tf.float32), (rows, 1, 1, 1)), tf.range(rows))


def test_episodes_are_shared_out_whole():
    shares = shares_of(tuple(map(task, range(5))), 2)
    assert [[float(one.support[0, 0, 0, 0]) for one in share.units] for share in shares] == [[0, 1], [2, 3, 4]]
    assert [(share.first, share.weight) for share in shares] == [(0, 0.4), (2, 0.6)]


def test_a_batch_is_shared_out_by_rows():
    shares = shares_of((batch(7),), 3)
    assert [share.units[0].targets.numpy().tolist() for share in shares] == [[0, 1], [2, 3], [4, 5, 6]]
    assert [(share.first, round(float(share.weight), 3)) for share in shares] == [(0, 0.286), (1, 0.286), (2, 0.429)]


def mean_of(unit: Batch, number):
    mean = tf.reduce_mean(unit.images)
    return mean, mean, [mean * 2], [tf.constant(7)]


def test_the_sum_of_shares_is_the_mean_of_the_whole_and_counters_stay():
    for count in (1, 2, 3):
        layout = spread(LAYOUTS["unrolled"], ["/CPU:0"] * count, parts=7, jit=False)
        loss, _, (gradient,), (counter,) = layout(mean_of, (batch(7),))
        np.testing.assert_allclose([loss, gradient], [3, 6], rtol=1e-6)
        assert counter == 7


def test_each_share_is_on_its_own_device():
    """The graph is read, not run: there is one device here."""
    devices = [f"/device:CPU:{number}" for number in range(3)]

    def places(units: int) -> set[str]:
        def one(unit, number):
            return unit.support[0, 0, 0, 0] * 2.0, tf.constant(0.0), [], []

        layout = spread(LAYOUTS["unrolled"], devices, parts=units, jit=False)
        graph = tf.function(lambda: layout(one, tuple(map(task, range(units))))).get_concrete_function().graph
        return {node.device for node in graph.get_operations() if node.type == "StridedSlice"}

    assert places(4) == set(devices)
    assert places(2) == set(devices[:2])  # the third has nothing to do


def test_fewer_episodes_than_workers():
    with pytest.raises(ValueError, match=r"training\.meta_batch: expected at least 3 episodes a step.*got 2"):
        spread(LAYOUTS["unrolled"], ["/CPU:0"], 2, False, ALONE._replace(size=3))


def test_devices_that_are_not_there():
    assert [name[-5:] for name in devices_of("auto")] == ["CPU:0"] == [name[-5:] for name in devices_of("cpu")]
    with pytest.raises(ValueError, match=r"training\.device: expected a gpu, TensorFlow finds /device:CPU:0; set auto"):
        devices_of("gpu")


def started(devices: int, path: Path, *names: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", several.__name__, str(devices), str(path), *names]
    return subprocess.Popen(command, cwd=Path(__file__).parents[4], env=os.environ | environment)


@pytest.fixture(scope="module")
def by_one(tmp_path_factory):
    """The weights by the name of the learner, trained on one device."""
    path = tmp_path_factory.mktemp("one") / "weights.npz"
    assert started(1, path, *several.CASES).wait() == 0
    return dict(np.load(path))


def alike(path: Path, by_one: dict, names) -> None:
    found = dict(np.load(path))
    assert set(found) == {key for key in by_one if key.split("/")[0] in names}
    for key, value in found.items():
        np.testing.assert_allclose(value, by_one[key], **TOLERANCE, err_msg=key)


@pytest.mark.parametrize("devices", [2, 4])
def test_several_devices_train_as_one(tmp_path, by_one, devices):
    assert started(devices, tmp_path / "weights.npz", *several.CASES).wait() == 0
    alike(tmp_path / "weights.npz", by_one, several.CASES)


def test_two_workers_train_as_one(tmp_path, by_one):
    """Each on two devices; they end with the very same weights."""
    cluster = {"worker": [f"localhost:{portpicker.pick_unused_port()}" for _ in range(2)]}
    names = ["protonet", "transfer"]
    processes = [
        started(
            2,
            tmp_path / f"{number}.npz",
            *names,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}}),
        )
        for number in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    alike(tmp_path / "0.npz", by_one, names)
    first, second = (dict(np.load(tmp_path / f"{number}.npz")) for number in range(2))
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])
