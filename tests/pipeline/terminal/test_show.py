"""Results as text, at 80 columns."""

from components.fewshot.episodes.classes import TooSmall
from components.image_example_gen.duplicates import DuplicateFile
from pipeline.terminal.results import Adapted, RunResult
from pipeline.terminal.show import SHOWN, show_adapted, show_compiled, show_evaluation, show_result, show_stayed

RESULT: RunResult = {
    "run_id": "20260101-a",
    "blessed": False,
    "accuracy": 0.9,
    "ci95": 0.01,
    "over_classes": {"low": 0.85, "high": 0.93, "classes": 40},
    "baselines": {
        "transfer": {
            "accuracy": 0.8,
            "ci95": 0.02,
            "over_classes": {"low": 0.7, "high": 0.875, "classes": 40},
            "difference": {"mean": 0.1, "ci95": 0.015, "over_classes": {"low": 0.04, "high": 0.16, "classes": 40}},
        }
    },
    "report": "runs/report.html",
    "pushed_model": None,
    "seconds": 12.3,
    "train_classes": 40,
    "chosen": None,
    "candidates": {},
    "production": None,
    "best": None,
    "decision": None,
    "because": None,
    "warm_start": None,
    "reasons": ["accuracy is too low"],
    "title": "protonet on shop",
    "inductive": True,
    "batch_norm": "running",
    "rejected": 0,
    "damaged": 0,
    "damaged_files": [],
    "passed_over": {},
    "differ_by_case": [],
    "duplicates": {"within_class": 0, "across_classes": 0, "across_splits": 0},
    "duplicate_files": [],
    "duplicates_list": "runs/duplicates.json",
    "classes": [
        {
            "split": "test",
            "episodes": "5-way 1-shot",
            "query": 15,
            "fitted": [],
            "images_per_class": 16,
            "classes": 9,
            "classes_too_small": [],
        }
    ],
}


def too_small(name: str, lacks: int) -> TooSmall:
    return {"class_name": name, "images": 16 - lacks, "lacks": lacks, "domain_lacks": 0}


def copies(*paths: str) -> list[DuplicateFile]:
    return [
        {"split": "test", "class_name": "oak", "source_id": path, "path": path, "takes_part": path == paths[0]}
        for path in paths
    ]


def test_a_run(capsys):
    show_result(RESULT)
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "this run 90.00 ± 1.00 85.0 to 93.0" in lines
    assert "transfer 80.00 ± 2.00 70.0 to 87.5 +10.00 +4.0 to +16.0" in lines
    assert "not blessed in 12 s; inductive, batch normalisation: running" in lines
    assert "- accuracy is too low" in lines
    assert "!" not in shown and "set aside" not in shown and "pushed" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_run_of_a_detector(capsys):
    named = {key: value for key, value in RESULT.items() if key != "accuracy"} | {"ap50": 0.7}
    rival = {key: value for key, value in RESULT["baselines"]["transfer"].items() if key != "accuracy"} | {"ap50": 0.6}
    show_result({**named, "baselines": {"transfer": rival}})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("model AP50, % over classes") for line in lines)
    assert "this run 70.00 ± 1.00 85.0 to 93.0" in lines
    assert "transfer 60.00 ± 2.00 70.0 to 87.5 +10.00 +4.0 to +16.0" in lines


def test_few_test_classes_are_told(capsys):
    show_result({**RESULT, "over_classes": {"low": 0.85, "high": 0.93, "classes": 12}})
    shown = capsys.readouterr().out
    assert "! only 12 test classes: a single hard one moves the accuracy" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_what_is_unusual_about_the_images_of_a_run(capsys):
    small = [too_small(f"kind {number:02}", 3) for number in range(15)]
    classes = {**RESULT["classes"][0], "classes": 8, "classes_too_small": small}
    show_result(
        {
            **RESULT,
            "rejected": 1200,
            "damaged": 2,
            "damaged_files": ["a.jpg", "b.jpg"],
            "passed_over": {"photos/notes": 2, "photos/oak/._*": 1000, "photos/new\nline": 0},
            "differ_by_case": [["Oak", "oak"]],
            "duplicates": {"within_class": 19, "across_classes": 1, "across_splits": 2},
            "duplicate_files": [copies("oak/1.png", "oak/2.png", "oak/3.png"), copies("a/1.png", "b/1.png")],
            "classes": [classes, {**classes, "episodes": "20-way 1-shot"}, {**classes, "split": "val"}],
        }
    )
    shown = capsys.readouterr().out
    notes = " ".join(shown.partition("  ! ")[2].partition("report:")[0].split()).split(" ! ")
    assert notes == [
        "1,200 files set aside: see the report",
        "2 damaged JPEGs are read as far as the data goes, such as a.jpg: replace them",
        "passed over: photos/notes (2 files), photos/oak/._* (1,000 files), photos/new\\nline (0 files)",
        "'Oak' and 'oak' differ by case only, and are different classes",
        "19 files show a picture of another file of the class, and do not take part",
        "1 file shows a picture that is in several classes of the split, and does not take part",
        "2 images in two splits: accuracy will be too high",
        "oak/1.png = oak/2.png and 1 more",
        "a/1.png = b/1.png",
        "all duplicates: runs/duplicates.json",
        "8 of 23 test classes have the 16 images that an episode needs; 15 are in none: kind 00 lacks 3, kind 01 lacks 3,"
        " kind 02 lacks 3, kind 03 lacks 3, kind 04 lacks 3 and 10 more",
        "8 of 23 val classes have the 16 images that an episode needs; 15 are in none: kind 00 lacks 3, kind 01 lacks 3,"
        " kind 02 lacks 3, kind 03 lacks 3, kind 04 lacks 3 and 10 more",
    ]
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_what_was_fitted_and_that_nothing_was_trained(capsys):
    test = {**RESULT["classes"][0], "episodes": "3-way 1-shot", "query": 3, "fitted": ["way", "query"], "classes": 3}
    train = {**test, "split": "train", "query": 1}
    show_result({**RESULT, "classes": [train, {**test, "split": "val"}, test]})
    shown = " ".join(capsys.readouterr().out.split())
    assert "! training episodes fitted to the images: 3-way 1-shot, 1 query image a class ! episodes fitted" in shown
    assert shown.count("! episodes fitted to the images: 3-way 1-shot, 3 query images a class") == 1
    assert "nothing is trained" not in shown
    show_result({**RESULT, "classes": [test], "train_classes": 0})
    shown = " ".join(capsys.readouterr().out.split())
    assert "! 3 classes are too few to train on, so all are test classes, and nothing is trained or calibrated" in shown


def test_what_came_in_spans(capsys):
    because = "production adapts worse to new classes than to known ones: -30.0 points, -50.0 to -10.0 over classes"
    show_result({**RESULT, "decision": "retrain", "because": because})
    assert f"- retrain: {because}" in " ".join(capsys.readouterr().out.split())
    stayed = {
        "run_id": "1",
        "ran": [],
        "decision": "adapt only",
        "because": because,
        "report": "drift.html",
        "seconds": 3.6,
    }
    show_stayed(stayed)
    shown = capsys.readouterr().out
    assert " ".join(shown.split()) == (
        f"- adapt only: {because} nothing was trained or pushed, in 4 s report: drift.html"
    )
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_earlier_models(capsys):
    show_result({**RESULT, "production": RESULT["baselines"]["transfer"], "over_classes": None})
    shown = " ".join(capsys.readouterr().out.split())
    assert "in production 80.00 ± 2.00 70.0 to 87.5 +10.00 +4.0 to +16.0" in shown
    assert "this run 90.00 ± 1.00 cannot tell" in shown
    show_result({**RESULT, "best": {"not_comparable": "it has a fixed head"}, "pushed_model": "served/1"})
    shown = capsys.readouterr().out
    assert "best so far not comparable" in " ".join(shown.split()) and "pushed: served/1" in shown
    assert "best so far: it has a fixed head" in shown


def test_an_evaluation_names_the_first_files_that_were_set_aside(capsys):
    show_evaluation(
        {
            "accuracy": 0.5, "ci95": 0.1, "over_classes": None, "log_loss": 1.0, "ece": 0.2, "episodes": 3,
            "way": 5, "shot": 1, "query": 15, "seed": 0,
            "inductive": False, "title": "5-way 1-shot", "batch_norm": "batch", "split": "", "images_per_class": 16, "classes": 7,
            "classes_too_small": [too_small("oak", 2)], "duplicates": {"within_class": 1, "across_classes": 0},
            "duplicate_files": [copies("oak/1.png", "oak/2.png")],
            "set_aside": [{"path": f"{i}.png", "reason": "damaged"} for i in range(SHOWN + 2)],
            "passed_over": {f"photos/{i}": i for i in range(8)}, "differ_by_case": [],
        }
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert "3 episodes of 5-way 1-shot, 15 queries per class, seed 0, transductive" in shown
    assert shown.count("set aside:") == SHOWN and "and 2 more" in shown and "set aside: 0.png: damaged" in shown
    assert "! passed over: photos/0 (0 files), photos/1 (1 file)," in shown and "and 3 places more" in " ".join(
        shown.split()
    )
    assert "or lower --way" in " ".join(shown.split()) and "episodes.way" not in shown
    assert "! 1 file shows a picture of another file of the class, and does not take part" in shown
    assert "! oak/1.png = oak/2.png" in shown and "two splits" not in shown
    needed = "! 7 of 8 classes have the 16 images that an episode needs; 1 is in none: oak lacks 2"
    assert needed in " ".join(shown.split())


def test_an_evaluation_of_a_detector(capsys):
    show_evaluation(
        {
            "ap50": 0.5, "ci95": 0.1, "over_classes": None, "mean_ap": 0.25, "ap75": 0.2, "precision": None, "recall": 0.75,
            "false_positives": 1.5, "ece": 0.2, "episodes": 3, "way": 2, "shot": 1, "query": 2, "seed": 0,
            "inductive": True, "title": "2-way 1-shot", "batch_norm": "running", "split": "", "images_per_class": 3, "classes": 3,
            "classes_too_small": [], "duplicates": {"within_class": 0, "across_classes": 0}, "duplicate_files": [],
            "set_aside": [], "passed_over": {}, "differ_by_case": [],
        }
    )  # fmt: skip
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "AP50 50.00 ± 10.00 %   mAP 0.2500   recall 0.7500   false alarms an image 1.5000   ECE 0.2000"


KNOWN = {"none_of_these": False, "familiarity": 1.0}


def test_predictions(capsys):
    some = {"ash": 0.25, "oak": 0.625, "elm": 0.125}
    result: Adapted = {
        "predictions": [{**KNOWN, "path": "q/1.png", "label": "oak", "probability": 0.625, "probabilities": some}],
        "none_of_these": {},
        "state": None,
        "set_aside": [{"path": f"q/{i}.txt", "reason": "not an image"} for i in range(SHOWN + 1)],
        "support_set_aside": [{"path": "s/2.png", "reason": "damaged"}],
        "passed_over": {"q/@eaDir": 3},
        "differ_by_case": [],
    }
    for top, line in ((1, "0.625  oak"), (2, "0.625  oak  0.250  ash"), (9, "0.625  oak  0.250  ash  0.125  elm")):
        show_adapted(result, top)
        shown = capsys.readouterr()
        assert shown.out == f"{line}  q/1.png\n"
        aside = [f"set aside: q/{i}.txt: not an image" for i in range(SHOWN + 1)]
        assert shown.err.splitlines() == [
            "support set aside: s/2.png: damaged",
            *aside,
            "  ! passed over: q/@eaDir (3 files)",
        ]


def test_a_name_that_a_terminal_cannot_show(capsys):
    one = {
        **KNOWN,
        "path": "new\nline.png",
        "label": "\x1b[31m",
        "probability": 1.0,
        "probabilities": {"\x1b[31m": 1.0},
    }
    nothing = {"state": None, "set_aside": [], "support_set_aside": [], "passed_over": {}, "differ_by_case": []}
    show_adapted({"predictions": [one], **nothing}, 1)
    assert capsys.readouterr().out == "1.000  \\x1b[31m  new\\nline.png\n"


def test_built_in_images_have_to_be_copied(capsys):
    show_compiled("vertex", "job.json", ["gs://b/train"], None)
    assert "copy" not in capsys.readouterr().out
    show_compiled("vertex", "job.json", ["gs://b/train"], "fewshot-runs/data/")
    assert "writes them to fewshot-runs/data/" in capsys.readouterr().out


def test_a_run_with_candidates(capsys):
    other = RESULT["baselines"]["transfer"] | {"accuracy": 0.85}
    show_result(RESULT | {"chosen": "tuned", "candidates": {"frozen": other}})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "this run: tuned 90.00 ± 1.00 85.0 to 93.0" in lines
    assert "frozen 85.00 ± 2.00 70.0 to 87.5 +10.00 +4.0 to +16.0" in lines
    assert "tuned was the best of 2 candidates on validation classes" in lines
