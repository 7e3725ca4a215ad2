"""A checkpoint is replaced at once or not at all."""

import numpy as np
import pytest

from components.fewshot.training import checkpoint


def test_round_trip_is_exact(tmp_path):
    path = str(tmp_path / "inner" / "checkpoint.npz")
    arrays = {"a": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32), "b": np.array(7, np.int64)}
    assert checkpoint.load(path) is None
    checkpoint.save(path, arrays, {"step": 3, "loss": 0.1 + 0.2})
    stored, facts = checkpoint.load(path)
    assert facts == {"step": 3, "loss": 0.1 + 0.2} and stored.keys() == arrays.keys()
    for key, value in arrays.items():
        np.testing.assert_array_equal(stored[key], value)
        assert stored[key].dtype == value.dtype


def test_a_kill_while_writing_leaves_the_one_before(tmp_path, monkeypatch):
    path = str(tmp_path / "checkpoint.npz")
    checkpoint.save(path, {}, {"step": 1})

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.tf.io.gfile, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {}, {"step": 2})
    assert checkpoint.load(path)[1] == {"step": 1}
