"""A checkpoint is replaced at once or not at all."""

import numpy as np
import pytest

from components.fewshot.integrity import Damaged
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


def test_another_byte_is_found_or_changes_nothing(tmp_path):
    """The zip file has some bytes that say nothing, such as the time of its making."""
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(str(path), {"a": np.arange(3, dtype=np.float32), "b": np.array(7)}, {"step": 3})
    content, found = path.read_bytes(), 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            arrays, facts = checkpoint.load(str(path))
            assert facts == {"step": 3} and arrays.keys() == {"a", "b"}
            assert arrays["a"].tolist() == [0, 1, 2] and arrays["b"] == 7
        except Damaged:
            found += 1
    assert found > len(content) / 2


def test_a_cut_file_is_found(tmp_path):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(str(path), {"a": np.zeros(100)}, {"step": 3})
    content = path.read_bytes()
    for size in (0, 1, 100, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(Damaged, match="it has other bytes than were written"):
            checkpoint.load(str(path))
