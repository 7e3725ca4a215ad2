"""From lines of results to a verdict; which episodes are shown, and how."""

import numpy as np
import pytest

from components.few_shot_evaluator.evaluate import check_complete, choose_episodes, comparable, read_results, verdict
from components.few_shot_evaluator.gate import GateSettings
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.evaluation.results import score, to_json
from components.fewshot.images.decode import ImageSpec
from components.fewshot.integrity import Incomplete
from components.fewshot.serving.manifest import Manifest

HOLDS = {"checked": 1, "max_difference": 0.0, "tolerance": 1e-4, "holds": True, "by_features": None}


def episode(index: int, right: int, of: int = 4):
    """A result in which `right` of `of` queries are correctly classified."""
    probabilities = np.array([[0.9, 0.1]] * right + [[0.1, 0.9]] * (of - right), np.float32)
    return score(index, 1, probabilities, np.zeros(of, int), [(f"c{index}", "a"), (f"d{index}", "a")])


def lines_of(name: str, rights: list[int]) -> list[str]:
    return [f"{name}\t{to_json(episode(i, right))}" for i, right in enumerate(rights)]


def test_lines_in_any_order():
    lines = lines_of("model", [4, 3, 2]) + lines_of("pixels", [1, 1, 1])
    found = read_results(lines[::-1])
    assert list(found) == ["model", "pixels"]
    assert [result.correct for result in found["model"]] == [4, 3, 2]


def test_a_verdict_by_hand():
    results = read_results(
        lines_of("model", [4, 3, 4]) + lines_of("pixels", [2, 1, 2]) + lines_of("production", [4, 4, 4])
    )
    found = verdict(results, GateSettings(margin=0.05), HOLDS, {})
    assert found["accuracy"] == pytest.approx(11 / 12)
    assert found["baselines"]["pixels"]["accuracy"] == pytest.approx(5 / 12)
    same = {"low": 0.5, "high": 0.5, "classes": 6}
    assert found["baselines"]["pixels"]["difference"] == {"mean": 0.5, "ci95": 0.0, "over_classes": same}
    assert "production" not in found["baselines"] and found["best"] is None
    assert found["production"]["difference"]["mean"] == pytest.approx(-1 / 12)
    assert found["blessed"] is False and len(found["reasons"]) == 1
    assert verdict(results, GateSettings(margin=0.5), HOLDS, {})["blessed"] is True


def test_a_model_that_cannot_be_compared_is_no_reason():
    results = read_results(lines_of("model", [4, 3]))
    unfit = {"production": "it has a fixed head of 5 classes, and these are 3-way"}
    found = verdict(results, GateSettings(), HOLDS, unfit)
    assert found["blessed"] and found["production"] == {
        "not_comparable": "it has a fixed head of 5 classes, and these are 3-way"
    }


@pytest.mark.parametrize(
    ("fixed", "way", "says"),
    [
        (None, 5, None),
        (5, 5, None),
        (5, 3, "it has a fixed head of 5 classes, and these episodes are 3-way 1-shot"),
        (5, (5, 10), "it has a fixed head of 5 classes, and these episodes are 5..10-way 1-shot"),
    ],
)
def test_comparable(fixed, way, says):
    manifest = Manifest(
        learner="maml",
        base_model="conv4",
        image=ImageSpec(),
        episodes=EpisodeSpec(),
        fixed_way=fixed,
        batch_norm="support",
        inductive=True,
        seed=0,
        steps=0,
    )
    assert comparable(manifest, EpisodeSpec(way=way)) == says


def test_worst_middle_and_best_are_shown():
    assert choose_episodes([episode(0, 3), episode(1, 4), episode(2, 1), episode(3, 2), episode(4, 0)]) == [4, 3, 1]
    assert choose_episodes([episode(5, 2)]) == [5]


def test_a_result_that_is_missing_is_missed():
    results = read_results(lines_of("model", [4, 3, 2]) + lines_of("pixels", [1, 1]))
    check_complete(results, ["model"], 3)
    said = r"^results of the model 'pixels': expected 3 episodes by number, got 2 \(number 2 is missing\)$"
    with pytest.raises(Incomplete, match=said):
        check_complete(results, ["model", "pixels"], 3)
    with pytest.raises(Incomplete, match=r"^results of the model 'best': expected 3 episodes by number, got 0"):
        check_complete(results, ["best"], 3)
    twice = read_results(lines_of("model", [4, 3]) + lines_of("model", [4]))
    with pytest.raises(Incomplete, match="1 more than there should be"):
        check_complete(twice, ["model"], 2)
