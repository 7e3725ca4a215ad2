"""The FewShotEvaluator on images with boxes: real detectors, frozen episodes and artifacts."""

import json
import os
import shutil

import pytest
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.few_shot_evaluator.executor import Executor
from components.few_shot_evaluator.gate import GateSettings
from components.fewshot.evaluation.detections import from_json
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.production import best_on_same_test
from components.pusher.executor import read_metrics
from tests.components import artifacts
from tests.components.fewshot.small_detectors import detector, exported
from tests.components.scene_artifacts import generate, ingest
from tests.components.scenes import write_scenes

THRESHOLD = {"threshold": 0.3, "precision": 0.5, "recall": 0.5, "episodes": 4}


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    examples = ingest(root, **write_scenes(root / "pictures"))
    further = [{"spec": {"way": 2, "shot": 2, "query": 2}, "episodes": 2}]
    return generate(root, examples, also=further)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The candidate and a baseline."""
    found = []
    for number, (learner, seed) in enumerate((("protonet", 0), ("transfer", 1)), 11):
        model = artifacts.artifact(standard_artifacts.Model, tmp_path_factory.mktemp("model"), number)
        exported(path_utils.serving_model_dir(model.uri), detector(learner, seed), score_threshold=THRESHOLD)
        found.append(model)
    return found


def judge(root, inputs, served=(), workers=artifacts.ONE_WORKER, **gate):
    evaluation = artifacts.artifact(standard_artifacts.ModelEvaluation, root / "evaluation", 21)
    blessing = artifacts.artifact(standard_artifacts.ModelBlessing, root / "blessing", 22)
    settings = GateSettings.model_validate({"require_baselines": False} | gate).model_dump_json()
    properties = {"gate": settings, "configuration": "{}", "code_fingerprint": "x", "destination": "nowhere"}
    properties |= {"served": json.dumps(served), "judged": ""}
    Executor(artifacts.context(workers)).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
    return json.loads((root / "evaluation" / "metrics.json").read_text()), evaluation, blessing


@pytest.fixture(scope="module")
def judged(tmp_path_factory, episodes, models):
    """Beside a baseline and, in production, a copy of itself."""
    root = tmp_path_factory.mktemp("judged")
    served = str(root / "served" / "7")
    shutil.copytree(path_utils.serving_model_path(models[0].uri), served)
    inputs = {"episodes": [episodes], "model": models[:1], "transfer": models[1:]}
    return judge(root, inputs, (served,))


def test_metrics(judged):
    metrics, _, _ = judged
    assert metrics["episodes"] == 6 and metrics["way"] == 2 and metrics["classes"] == 3
    assert 0 <= metrics["ap50"] <= 1 and metrics["threshold"] == 0.3 and "accuracy" not in metrics
    assert metrics["proposal_recall"].keys() == {"10", "50", "100"} and metrics["curve"]
    rival = metrics["baselines"]["transfer"]
    assert rival["difference"]["mean"] == pytest.approx(metrics["ap50"] - rival["ap50"]) and rival["mean_ap"] >= 0
    assert metrics["production"]["difference"]["mean"] == 0 and metrics["production"]["version"] == "7"
    assert [one["shot"] for one in metrics["also"]] == [2] and metrics["also"][0]["ap50"] >= 0
    assert metrics["independence"]["holds"] and metrics["independence"]["by_features"] is None
    assert metrics["label_spread"] is None and metrics["none_of_these"] is None and metrics["arrivals"] == {}


def test_what_is_beside_the_metrics(judged):
    metrics, evaluation, blessing = judged
    with open(os.path.join(evaluation.uri, "latency.json")) as file:
        latency = json.load(file)
    assert latency.keys() == {"adapt_ms", "predict_ms", "predict_one_ms"}
    names = sorted(name for name in os.listdir(evaluation.uri) if name.startswith("results-episodes"))
    with open(os.path.join(evaluation.uri, names[0])) as file:
        results = [line.rstrip().split("\t") for line in file]
    ours = [from_json(line) for name, line in results if name == "model"]
    assert len(results) == 18 and sum(one.figure for one in ours) / 6 == pytest.approx(metrics["ap50"])
    assert metrics["blessed"] is False and "cannot tell what to expect" in metrics["reasons"][0]
    assert os.listdir(blessing.uri) == [constants.NOT_BLESSED_FILE_NAME]


def test_the_report(judged):
    metrics, evaluation, _ = judged
    with open(os.path.join(evaluation.uri, "report.html")) as file:
        html = file.read()
    assert f"{100 * metrics['ap50']:.2f} %" in html and "AP50 by shot" in html and "Precision and recall" in html
    assert html.count('class="marked"') > 3 and "accuracy" not in html.lower()


def test_two_workers_find_the_same_and_without_rivals_it_is_blessed(tmp_path, judged, episodes, models):
    inputs = {"episodes": [episodes], "model": models[:1]}
    metrics, _, blessing = judge(tmp_path, inputs, workers=artifacts.TWO_PROCESSES)
    for key in ("ap50", "ci95", "mean_ap", "curve", "by_domain", "also", "independence"):
        assert metrics[key] == judged[0][key], key
    assert metrics["blessed"] and os.listdir(blessing.uri) == [constants.BLESSED_FILE_NAME]


def test_what_is_pushed_of_it(judged, models):
    """The manifest of a version tells the figure, and the best version is found by it."""
    metrics, evaluation, _ = judged
    told = read_metrics([evaluation])
    assert told["ap50"] == metrics["ap50"] and told["recall"] == metrics["recall"] and "curve" not in told
    path = path_utils.serving_model_path(models[0].uri)
    manifest = Manifest.read(path)
    manifest.metrics, manifest.data = told, {"fingerprint_test": "images"}
    manifest.write(path)
    assert best_on_same_test([path], manifest) == path
    assert best_on_same_test([path], manifest.model_copy(update={"kind": "classification"})) is None
