"""The file of a history only grows, and holds no row of a time that a kill has undone."""

import pytest

from components.fewshot.training.history import history_file, validation_of_kept


def trained(step: int) -> dict:
    return {"step": step, "loss": 0.1 * step, "accuracy": 0.5, "learning_rate": 0.1 + 0.2}


def validated(step: int) -> dict:
    return {"step": step, "accuracy": 0.7, "ci95": 0.01, "loss": 1.0}


def test_rows_are_appended_and_read_back(tmp_path):
    history = {"steps": [trained(1), trained(2)], "validation": [validated(2)], "best_step": 2}
    file = history_file(str(tmp_path / "checkpoint.npz"))
    file.append(history)
    first = (tmp_path / "history.jsonl").read_bytes()
    history["steps"].append(trained(3))
    file.append(history)
    assert file.rows == (3, 1)
    assert (tmp_path / "history.jsonl").read_bytes().startswith(first), "what was written is not written again"
    again = history_file(str(tmp_path / "checkpoint.npz")).read(3, 1)
    assert again == history | {"best_step": 0}, "the checkpoint holds the best step"


def test_rows_after_the_checkpoint_are_dropped(tmp_path):
    file = history_file(str(tmp_path / "checkpoint.npz"))
    file.append({"steps": [trained(1), trained(2)], "validation": [validated(2)], "best_step": 0})
    with open(tmp_path / "history.jsonl", "a") as killed:
        killed.write('{"step": {"st')
    resumed = history_file(str(tmp_path / "checkpoint.npz"))
    history = resumed.read(1, 0)
    assert history["steps"] == [trained(1)] and history["validation"] == []
    history["steps"].append(trained(2) | {"loss": 9.0})
    resumed.append(history)
    assert history_file(str(tmp_path / "checkpoint.npz")).read(2, 0)["steps"][1]["loss"] == 9.0


def test_a_kill_while_rows_are_dropped_loses_none(tmp_path, monkeypatch):
    path = str(tmp_path / "checkpoint.npz")
    history_file(path).append({"steps": [trained(1), trained(2)], "validation": [], "best_step": 0})

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tensorflow.io.gfile.rename", killed)
        with pytest.raises(KeyboardInterrupt):
            history_file(path).read(1, 0)
    assert history_file(path).read(1, 0)["steps"] == [trained(1)]


def test_a_file_with_too_few_rows_is_none(tmp_path):
    file = history_file(str(tmp_path / "checkpoint.npz"))
    assert file.read(1, 0) is None
    file.append({"steps": [trained(1)], "validation": [], "best_step": 0})
    assert file.read(2, 0) is None and file.read(1, 1) is None


def test_validation_of_the_weights_that_are_kept():
    history = {"steps": [], "validation": [validated(2), validated(4) | {"loss": 0.5}], "best_step": 4}
    assert validation_of_kept(history)["loss"] == 0.5
    assert validation_of_kept(history | {"best_step": 3}) == {}
