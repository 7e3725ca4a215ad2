"""What is seen of training: a line now and then where there is no terminal, scalars once each."""

import tensorflow as tf

from components.fewshot.training.loop import Progress
from components.meta_trainer.progress import LINES, Reporter


def scalars(directory) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(tf.io.gfile.glob(f"{directory}/events*")):
        for event in tf.compat.v1.train.summary_iterator(path):
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number))
    return found


def row(step: int) -> dict:
    return {"step": step, "loss": 1 / step, "accuracy": 0.5, "learning_rate": 0.001}


def test_lines_and_scalars(tmp_path, capsys):
    reporter = Reporter("maml", str(tmp_path), 20)
    history: dict = {"steps": [row(1), row(2)], "validation": [{"step": 2, "accuracy": 0.25, "loss": 2.0}]}
    report = reporter(history)  # a resumed run: two steps are behind it
    for step in range(3, 21):
        history["steps"].append(row(step))
        if step == 10:
            history["validation"].append({"step": 10, "accuracy": 0.75, "loss": 1.0})
        report(Progress(step, 20, 1 / step, 0.5, 0.25 if step < 10 else 0.75))
    reporter.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LINES - 1  # one every two steps, the first of them behind us
    assert lines[0] == "  maml 4/20 loss 0.250 acc 0.500 val 0.2500"
    seen = scalars(tmp_path)
    assert [step for step, _ in seen["train/loss"]] == list(range(1, 21))
    assert seen["validation/accuracy"] == [(2, 0.25), (10, 0.75)]


def test_nothing_to_train(tmp_path, capsys):
    reporter = Reporter("untrained", str(tmp_path), 0)
    reporter({"steps": [], "validation": [{"step": 0, "accuracy": 0.5, "loss": 1.0}]})
    reporter.close()
    assert capsys.readouterr().err == ""
    assert scalars(tmp_path)["validation/accuracy"] == [(0, 0.5)]
