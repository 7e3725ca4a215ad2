"""The report: one file that needs nothing else, says what was measured, and leaves out what was not."""

import re

import numpy as np
import pytest

from components.few_shot_evaluator.evaluate import verdict
from components.few_shot_evaluator.gate import GateSettings
from components.few_shot_evaluator.report import flat, render, shot_points, span, worst_and_best
from components.few_shot_evaluator.report_inputs import DrawnEpisode, DrawnImage, ReportInputs
from components.fewshot.evaluation.metrics import summarise
from components.fewshot.evaluation.results import score
from components.image_example_gen.duplicates import find_duplicates
from components.image_example_gen.facts import Fact
from components.image_example_gen.summary import summarise as summary_of
from components.image_example_gen.tally import Tally
from tests.components.few_shot_evaluator.report.pages import Page
from tests.components.fewshot import toys

NASTY = "<script>alert('\"Ж\"')</script>/a & b"
PICTURE = toys.png(np.full((9, 7, 1), 99, np.uint8))


def results_of(right: list[int], shots: tuple[int, ...] = (1,), of: int = 4, domain: str = "Latin") -> list:
    """Episodes with so many correctly classified queries each."""
    found = []
    for i, n in enumerate(right):
        probabilities = np.array([[0.9, 0.1]] * n + [[0.2, 0.8]] * (of - n), np.float32)
        classes = [(f"class {i + j}", f"{domain} {i % 3}") for j in range(2)]
        found.append(score(i, shots[i % len(shots)], probabilities, np.zeros(of, int), classes))
    return found


def metrics_of(**changes) -> dict:
    results = {"model": results_of([4, 3, 4, 2]), "pixels": results_of([1, 2, 2, 0]), "production": results_of([3] * 4)}
    independence = {"checked": 4, "max_difference": 2e-7, "tolerance": 1e-4, "holds": True}
    independence |= {"by_features": {"checked": 4, "max_difference": 3e-6, "tolerance": 1e-4, "holds": True}}
    metrics = verdict(results, GateSettings(margin=1, require_baselines=False), independence, {})
    metrics |= {"learner": "protonet", "base_model": "conv4", "batch_norm": "running", "inductive": True}
    metrics |= {"way": 2, "shot": 1, "query": 4, "seed": 3, "episodes_hash": "f00d", "also": []}
    return metrics | changes


def inputs_of(**changes) -> ReportInputs:
    wrong = DrawnImage(PICTURE, NASTY, "other", 0.75)
    drawn = DrawnEpisode(
        2,
        0.5,
        [NASTY, "other"],
        [DrawnImage(PICTURE, NASTY), DrawnImage(PICTURE, "other")],
        [wrong, DrawnImage(PICTURE, "other", "other", 0.6)],
    )
    history = {
        "steps": [{"step": i, "loss": 1 / i, "accuracy": 0.5, "learning_rate": 0.1} for i in range(1, 9)],
        "validation": [{"step": 4, "accuracy": 0.5, "ci95": 0.1, "loss": 1.0}],
        "best_step": 4,
    }
    images = [
        Fact(split, "a/1", f"a/1/{i}.png", f"/{split}/a/1/{i}.png", format="PNG", height=16, width=16, digest=str(i))
        for split, number in (("train", 2), ("test", 48))
        for i in range(number)
    ]
    turned = [image._replace(flags=("exif_rotated", "damaged")) for image in images[:3]]
    facts = [*turned, *images[3:]]
    summary = summary_of(Tally.of(facts), find_duplicates(facts), rejected=1, passed_over={}, fingerprint="f")
    plain = ReportInputs(
        metrics_of(),
        {"adapt_ms": 1.25, "predict_ms": 2.5, "predict_one_ms": 0.75},
        history,
        {"name": "toys", "training": {"steps": 8}},
        summary,
        [{"path": "photos/bad.png", "reason": "the file is empty (0 bytes)"}],
        {"artifacts": {"model": {"id": 7, "uri": "/a/model"}}},
        [drawn],
    )
    return plain._replace(**changes)


def test_what_came_since_the_model_in_production():
    before = {"way": 2, "shot": [1, 5], "query": 4, "episodes": 9, "classes": 7, "accuracy": 0.875, "ci95": 0.01}
    before |= {"production": 0.85, "difference": {"mean": 0.025, "ci95": 0.011, "over_classes": None}}
    html = render(
        inputs_of(metrics=metrics_of(arrivals={"before": before, "new": {"not_judged": "1 test class came"}}))
    )
    assert "Since the model in production" in html and "9 of 2-way 1..5-shot, 4 queries per class" in html
    assert "87.50 ± 1.00" in html and "85.00</td>" in html and "+2.50 ± 1.10" in html
    assert "not judged: 1 test class came" in html
    assert "Nor is it on the test episodes that the model in production was pushed by." in html
    assert "Since the model" not in render(inputs_of())


def test_one_file_that_needs_nothing_else():
    html = render(inputs_of())
    page = Page(html)
    assert page.open == [], "every element is closed"
    assert page.fetched and all(one.startswith(("data:image/png;base64,", "#")) for one in page.fetched)
    assert "script" not in page.elements and "link" not in page.elements
    assert "@import" not in html and not re.search(r"url\((?!#)", html)


def test_how_far_features_differ_is_said():
    assert "differed by at most 3.0e-06 (tolerance 1e-04)" in render(inputs_of())
    metrics = metrics_of()
    without = metrics | {"independence": metrics["independence"] | {"by_features": None}}
    assert "embedded once" not in render(inputs_of(metrics=without))


def test_files_set_aside_are_named():
    html = render(inputs_of())
    assert "photos/bad.png" in html and "the file is empty (0 bytes)" in html and "more, in rejected.json" not in html
    many = [{"path": f"{i}.png", "reason": "damaged"} for i in range(103)]
    assert "and 3 more, in rejected.json" in render(inputs_of(rejected=many))
    assert "Files set aside" not in render(inputs_of(rejected=None))


def test_identical_images_are_counted_and_named():
    facts = [
        Fact("test", name, f"{name}/{i}.png", f"photos/{name}/{i}.png", domain=domain, format="PNG", digest=digest)
        for i, (name, domain, digest) in enumerate(
            [
                ("oak", "leaf", "x"),
                ("oak", "bark", "x"),
                ("oak", "bark", "z"),
                ("elm", "leaf", "y"),
                ("fir", "leaf", "y"),
            ]
        )
    ]
    facts.append(Fact("test", "oak", "oak/9.png", "photos/oak/9.png", domain="leaf", format="PNG", digest="w"))
    facts.append(Fact("test", "oak", "oak/10.png", "photos/oak/10.png", domain="leaf", format="PNG", digest="v"))
    found = find_duplicates(facts)
    html = render(inputs_of(data_summary=summary_of(Tally.of(facts), found, 0, {}, "f"), duplicates=found.pictures))
    assert "of another file of the class (they do not take part)</dt><dd>1</dd>" in html
    assert "in several classes of the split (they do not take part)</dt><dd>2</dd>" in html
    assert "<dt>test, used</dt><dd>photos/oak/0.png</dd><dt>test, not used</dt><dd>photos/oak/1.png</dd>" in html
    assert "photos/elm/3.png" in html and "photos/oak/2.png" not in html
    assert Page(html).open == [] and "Identical images</summary>" not in render(inputs_of())
    many = [[{"split": "test", "path": f"{i}.png", "takes_part": False}] * 30 for i in range(102)]
    html = render(inputs_of(duplicates=many))
    assert "and 2 more, in duplicates.json" in html and html.count("and 10 more") == 100


def test_classes_that_are_in_no_episode_are_named():
    small = [
        {"class_name": NASTY, "images": 13, "lacks": 3, "domain_lacks": 0},
        {"class_name": "alone", "images": 20, "lacks": 0, "domain_lacks": 4},
    ]
    used = {"split": "test", "episodes": "5-way 1-shot", "images_per_class": 16, "classes": 8}
    html = render(inputs_of(classes=[used | {"classes_too_small": small}, used | {"classes_too_small": []}]))
    assert "8 of 10</td>" in html and "8 of 8</td>" in html
    assert html.count("classes are in no episode</summary>") == 1
    assert "<dd>has 13 images, lacks 3</dd>" in html and "<dt>alone</dt><dd>its domain lacks 4 classes</dd>" in html
    assert Page(html).open == [] and "<script>alert" not in html
    assert "Classes that take part" not in render(inputs_of())


def test_confused_classes_are_shown_with_a_picture_and_a_plot():
    html = render(inputs_of(pictures={"class 1": PICTURE}))
    assert html.count('alt="an image of class 1"') == 1 and "an image of class 0" not in html
    assert "Who is taken for whom" in html and Page(html).open == []
    nothing = metrics_of() | {"confusions": {"pairs": [], "classes": [], "matrix": []}}
    assert "Classes that are confused" not in render(inputs_of(metrics=nothing))


def test_what_training_bought_is_said():
    """Against the best that was not trained: of pixels and two candidates the one with 62.5 %; not if nothing was trained."""
    metrics = metrics_of(steps=40)
    metrics["baselines"]["pixels"]["steps"] = 0
    pixels = metrics["baselines"]["pixels"] | {"learner": "protonet", "base_model": "pixels"}
    metrics["candidates"] = {
        "frozen": pixels | {"accuracy": 0.625, "steps": 0, "validation": None},
        "tuned": pixels | {"accuracy": 0.7, "steps": 9, "validation": None},
    }
    html = render(inputs_of(metrics=metrics))
    assert "Training bought" in html and "without a step of training, frozen, reaches 62.50 %" in html
    assert "Training bought" not in render(inputs_of(metrics=metrics | {"steps": 0}))


def test_advice_and_a_warning_of_few_classes():
    html = render(inputs_of(metrics=metrics_of(advice=["Take 5 support images."])))
    assert "What to do next" in html and "<li>Take 5 support images.</li>" in html
    assert "only 5 test classes" in html.lower()
    assert "What to do next" not in render(inputs_of(metrics=metrics_of(advice=[])))


def test_the_same_inputs_the_same_bytes():
    assert render(inputs_of()) == render(inputs_of())


def test_names_are_text_and_never_markup():
    html = render(inputs_of())
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#39;&#34;Ж&#34;&#39;)&lt;/script&gt;/a &amp; b" in html


def test_the_headline_and_its_rivals():
    metrics = metrics_of()
    html = render(inputs_of())
    low, high = (100 * metrics["over_classes"][side] for side in ("low", "high"))
    assert f"{100 * metrics['accuracy']:.2f} % <small>{low:.2f} to {high:.2f} (95 % interval over classes)" in html
    assert f"± {100 * metrics['ci95']:.2f} (95 % interval over episodes)" in html
    assert "nearest class mean of the raw pixels" in html and "the model that is served now" in html
    for rival in (metrics["baselines"]["pixels"], metrics["production"]):
        difference = rival["difference"]
        assert f"{100 * difference['mean']:+.2f} ± {100 * difference['ci95']:.2f}" in html
        low, high = (100 * difference["over_classes"][side] for side in ("low", "high"))
        assert f"{low:+.2f} to {high:+.2f}" in html
    assert "✓ Blessed." in html and "inductive" in html and "f00d" in html


def test_every_reason_not_to_bless_is_there():
    html = render(inputs_of(metrics=metrics_of(blessed=False, reasons=["too low by far", "a < b"])))
    assert "✗ Not blessed." in html and "too low by far" in html and "a &lt; b" in html


def test_sections():
    headings = re.findall(r"<h2>(.*?)</h2>", render(inputs_of()))
    assert headings == [
        "Comparison with other models",
        "Accuracy by shot",
        "Accuracy of single episodes",
        "Classes that are confused",
        "Who is taken for whom",
        "Domains, worst first",
        "Calibration",
        "Learning curves",
        "Example episodes",
        "Data",
        "Latency",
        "How to read these numbers",
        "Configuration and lineage",
    ]


def test_what_there_is_no_data_for_is_left_out():
    headings = re.findall(r"<h2>(.*?)</h2>", render(inputs_of(history=None, data_summary=None, episodes=[])))
    assert not {"Learning curves", "Example episodes", "Data"} & set(headings)
    untrained = {"steps": [], "validation": [], "best_step": 0}
    assert "Learning curves" not in render(inputs_of(history=untrained))
    one_domain = metrics_of(by_domain=[{"domain": "d", "accuracy": 1.0, "queries": 3, "episodes": 1}])
    assert "Domains" not in render(inputs_of(metrics=one_domain))


def test_mistakes_are_marked_and_name_what_was_chosen():
    html = render(inputs_of())
    assert html.count('class="picture wrong"') == 1 and "✗ 75 % as 2" in html and "✓ 60 %" in html
    assert html.count("data:image/png;base64,") == 4


def test_data_and_lineage():
    html = render(inputs_of())
    assert (
        "exif rotated 3" in html and "cmyk" not in html and "PNG 50" in html and "median&nbsp;16&nbsp;×&nbsp;16" in html
    )
    assert "identical images in two splits</dt><dd>2<" in html and "/a/model" in html and "training.steps" in html


def test_a_plot_by_shot_where_shots_differ():
    ranged = summarise(results_of([4, 3, 2, 1], shots=(1, 5)))
    metrics = metrics_of(by_shot=ranged["by_shot"], shot=[1, 5])
    assert shot_points(metrics) == [
        (1, "2-way", ranged["by_shot"]["1"]["accuracy"], ranged["by_shot"]["1"]["ci95"]),
        (5, "2-way", ranged["by_shot"]["5"]["accuracy"], ranged["by_shot"]["5"]["ci95"]),
    ]
    label = "Accuracy against the number of support images per class"
    assert label in render(inputs_of(metrics=metrics)) and label not in render(inputs_of())
    assert "1..5-shot" in render(inputs_of(metrics=metrics))


def test_a_single_episode_of_full_marks():
    """No spread, one bin, one domain: every plot still draws."""
    alone = summarise(results_of([4]))
    html = render(inputs_of(metrics=metrics_of(**alone)))
    assert "100.00 %" in html and html.count("<svg") == 4


@pytest.mark.parametrize(
    ("count", "headings"), [(1, []), (12, ["Domains, worst first"]), (13, ["Worst domains", "Best domains"])]
)
def test_few_domains_and_many(count, headings):
    rows = [{"domain": str(i), "accuracy": i / 20, "queries": 1, "episodes": 1} for i in range(count)]
    shown = worst_and_best(rows)
    assert [heading for heading, _ in shown] == headings
    if count == 13:
        assert [row["domain"] for row in shown[1][1]] == ["12", "11", "10", "9", "8", "7"]


def test_settings_as_dotted_keys():
    nested = {"a": {"b": 1, "none": None}, "c": [1, 2], "empty": []}
    assert flat(nested) == [("a.b", "1"), ("c", "[1, 2]")]
    assert span(5) == "5" and span([5, 10]) == "5..10"
