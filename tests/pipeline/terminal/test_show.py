"""Results as text, at 80 columns."""

from pipeline.terminal.results import RunResult
from pipeline.terminal.show import SHOWN, show_compiled, show_evaluation, show_result

RESULT: RunResult = {
    "run_id": "20260101-a",
    "blessed": False,
    "accuracy": 0.9,
    "ci95": 0.01,
    "baselines": {"transfer": {"accuracy": 0.8, "ci95": 0.02, "difference": {"mean": 0.1, "ci95": 0.015}}},
    "report": "runs/report.html",
    "pushed_model": None,
    "seconds": 12.3,
    "previous": None,
    "reasons": ["accuracy is too low"],
    "title": "protonet on shop",
    "inductive": True,
    "batch_norm": "running",
    "rejected": 0,
    "leaks": 2,
}


def test_a_run(capsys):
    show_result(RESULT)
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "this run 90.00 ± 1.00" in lines and "transfer 80.00 ± 2.00 +10.00 ± 1.50" in lines
    assert "not blessed in 12 s; inductive, batch normalisation: running" in lines
    assert "- accuracy is too low" in lines and "! 2 images in two splits: see the report" in lines
    assert "set aside" not in shown and "pushed" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_the_latest_blessed_model(capsys):
    show_result({**RESULT, "previous": RESULT["baselines"]["transfer"]})
    assert "latest blessed 80.00 ± 2.00 +10.00 ± 1.50" in " ".join(capsys.readouterr().out.split())
    show_result({**RESULT, "previous": {"not_comparable": "it has a fixed head"}, "pushed_model": "served/1"})
    shown = capsys.readouterr().out
    assert "latest blessed not comparable" in " ".join(shown.split()) and "pushed: served/1" in shown


def test_an_evaluation_names_the_first_files_that_were_set_aside(capsys):
    show_evaluation(
        {
            "accuracy": 0.5, "ci95": 0.1, "log_loss": 1.0, "ece": 0.2, "episodes": 3, "way": 5, "shot": 1, "query": 15, "seed": 0,
            "inductive": False, "title": "5-way 1-shot", "batch_norm": "batch",
            "set_aside": [f"{i}.png: damaged" for i in range(SHOWN + 2)],
        }
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert "3 episodes of 5-way 1-shot, 15 queries per class, seed 0, transductive" in shown
    assert shown.count("set aside:") == SHOWN and "and 2 more" in shown


def test_built_in_images_have_to_be_copied(capsys):
    show_compiled("vertex", "job.json", ["gs://b/train"], None)
    assert "copy" not in capsys.readouterr().out
    show_compiled("vertex", "job.json", ["gs://b/train"], "fewshot-runs/data/")
    assert "writes them to fewshot-runs/data/" in capsys.readouterr().out
