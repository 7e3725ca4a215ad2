"""The report of a detector: pictures with boxes, its own plots, and nothing of whole images."""

import re

import numpy as np
import pytest

from components.few_shot_evaluator.draw_scenes import SIDE, draw_scenes
from components.few_shot_evaluator.evaluate import choose_episodes, verdict
from components.few_shot_evaluator.gate import GateSettings
from components.few_shot_evaluator.report import render
from components.few_shot_evaluator.report_inputs import ReportInputs
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.evaluation.detection_judging import encode_scenes, judge_scenes
from components.fewshot.images.feeds import feed_of
from components.fewshot.images.object_files import store_of_objects
from components.fewshot.images.object_rows import Object, object_rows
from tests.components.few_shot_evaluator.report.pages import Page
from tests.components.few_shot_evaluator.seer import Seer
from tests.components.fewshot.small_detectors import picture

SPEC = EpisodeSpec(way=2, shot=1, query=2, negatives=1)
HOLDS = {"checked": 1, "max_difference": 0.0, "tolerance": 1e-4, "holds": True, "by_features": None}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Twelve pictures with an object of each of two of six classes, of different sizes."""
    root, rows = tmp_path_factory.mktemp("pictures"), []
    for number in range(12):
        squares = [((4, 4, 24, 30), (220, 0, 0)), ((30, 40, 60, 70 + number), (0, 0, 220))]
        path = root / f"{number}.png"
        path.write_bytes(picture(64, 96, squares))
        boxes = [tuple(np.array(edges) / [64, 96, 64, 96]) for edges, _ in squares]
        names = f"a/{number % 3}", f"<b>/{(number + 1) % 3}"
        objects = [Object(name, name[:1], box, False, False) for name, box in zip(names, boxes, strict=True)]
        rows += [(row, str(path)) for row in object_rows(path.name, objects)]
    return store_of_objects(rows)


def inputs_of(store, sights) -> ReportInputs:
    draw = feed_of(store).sampler(SPEC, 0)
    episodes, seers = [draw(number) for number in range(5)], {name: Seer(store, at) for name, at in sights.items()}
    results = {
        name: [judge_scenes(seer, encode_scenes(store, one))[0] for one in episodes] for name, seer in seers.items()
    }
    metrics = verdict(results, GateSettings(threshold=0.1, require_baselines=False), HOLDS, {}, kind="detection")
    metrics |= {"learner": "protonet", "base_model": "faster_rcnn", "batch_norm": "running", "inductive": True}
    metrics |= {"way": 2, "shot": 1, "query": 2, "seed": 3, "episodes_hash": "f00d", "also": [], "advice": []}
    drawn = [draw_scenes(seers["model"], store, episodes[i]) for i in choose_episodes(results["model"])]
    return ReportInputs(metrics, {"adapt_ms": 1.25}, None, {}, None, None, {}, drawn)


@pytest.fixture(scope="module")
def inputs(store):
    return inputs_of(store, {"model": 0.7, "transfer": 0.4})


def test_sections_and_figures(inputs):
    html, metrics = render(inputs), inputs.metrics
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "Comparison with other models",
        "AP50 by shot",
        "AP50 of single episodes",
        "Precision and recall",
        "Sizes of objects",
        "Proposals",
        "Domains, worst first",
        "Calibration",
        "Example episodes",
        "Latency",
        "How to read these numbers",
        "Configuration and lineage",
    ]
    assert f"{100 * metrics['ap50']:.2f} %" in html and "accuracy" not in html.lower()
    assert f"score ≥ {metrics['threshold']:.2f}" in html and "false alarms an image" in html


def test_one_file_that_needs_nothing_else(inputs):
    html = render(inputs)
    page = Page(html)
    assert page.open == [] and "script" not in page.elements
    assert all(one.startswith(("data:image/", "#")) for one in page.fetched)
    assert "&lt;b&gt;/" in html and "<b>/" not in html
    assert html == render(inputs)


def test_boxes_are_where_they_are(store):
    """What sees all and finds it, draws right detections on objects that were found, and nothing else."""
    (episode, *_) = [feed_of(store).sampler(SPEC, 0)(0)]
    drawn = draw_scenes(Seer(store, 1.0, threshold=0.0), store, episode)
    assert drawn.figure == 1 and len(drawn.support) <= 2 and len(drawn.query) == len(episode.query.rows)
    for scene in drawn.query:
        assert (scene.width, scene.height) == (SIDE, round(SIDE * 64 / 96, 1))
        states = [box.state for box in scene.boxes]
        assert states.count("right") == states.count("found") and set(states) <= {"right", "found"}
    marked = [box for scene in drawn.support for box in scene.boxes]
    assert sorted(box.label for box in marked) == ["1", "2"] and {box.state for box in marked} == {"marked"}
    scale = SIDE / 96
    edges = {(box.left, box.top) for box in marked}
    assert edges <= {(round(4 * scale, 1), round(4 * scale, 1)), (round(40 * scale, 1), round(30 * scale, 1))}


def test_what_is_not_shown_is_missed(store):
    drawn = draw_scenes(Seer(store, 1.0, threshold=1.1), store, feed_of(store).sampler(SPEC, 0)(0))
    assert {box.state for scene in drawn.query for box in scene.boxes} == {"missed"}


def test_a_detector_that_shows_nothing(store):
    """No precision and no dot; the page is whole all the same."""
    found = inputs_of(store, {"model": 0.7})
    nothing = found.metrics | {"precision": None, "recall": 0.0, "false_positives": 0.0}
    nothing |= {"curve": [], "ece": None, "proposal_recall": None}
    html = render(found._replace(metrics=nothing))
    assert Page(html).open == [] and "Nothing was detected" in html and "Precision and recall</h2>" not in html
