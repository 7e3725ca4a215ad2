"""Which earlier models a candidate can be compared with."""

from components.few_shot_evaluator.rivals import earlier_models
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.image import ImageSpec


def version(directory, kind="detection", **metrics) -> str:
    manifest = Manifest(
        kind=kind,
        learner="protonet",
        base_model="conv4",
        image=ImageSpec(),
        episodes=EpisodeSpec(),
        batch_norm="running",
        inductive=True,
        seed=0,
        steps=0,
        data={"fingerprint_test": "t"},
        metrics={"way": 5, "shot": 1, "query": 15} | metrics,
    )
    manifest.write(str(directory))
    return str(directory)


def test_a_model_of_another_kind_is_not_comparable(tmp_path):
    scenes, other = version(tmp_path / "1", ap50=0.5), version(tmp_path / "2", "classification", accuracy=0.9)
    found = earlier_models([scenes, other], Manifest.read(scenes), EpisodeSpec(), ["oak"])
    assert found.unfit == {"production": "it is a model of classification, and this one is of detection"}
    assert found.models == {"best": scenes}


def test_the_best_is_the_one_with_the_highest_figure(tmp_path):
    paths = [version(tmp_path / str(number), ap50=ap50) for number, ap50 in enumerate((0.5, 0.7, 0.6), 1)]
    found = earlier_models(paths, Manifest.read(paths[0]), EpisodeSpec(), ["oak"])
    assert found.models == {"production": paths[2], "best": paths[1]}
