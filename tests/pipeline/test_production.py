"""What a run takes from earlier ones: the versions it is compared with, and the model it starts from."""

import json
from pathlib import Path

import pytest

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import ImageSpec
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.production import best_on_same_test
from components.fewshot.serving.versions import MODEL_FILE
from pipeline.config import load_settings
from pipeline.history.database import RootError
from pipeline.production import destination_of, recipe_fingerprint, run_fingerprint, served_before, start_of


def version(root: Path, number: int, run: str = "", served=None, accuracy=None, test: str = "t", **judged) -> str:
    path = root / str(number)
    path.mkdir(parents=True)
    (path / MODEL_FILE).touch()
    metrics = {"served": served, "accuracy": accuracy, "way": 5, "shot": 1, "query": 15} | judged
    Manifest(
        learner="protonet", base_model="conv4", image=ImageSpec(), episodes=EpisodeSpec(), batch_norm="running",
        inductive=True, seed=0, steps=1, metrics=metrics, lineage={"run": run}, data={"fingerprint_test": test},
    ).write(str(path))  # fmt: skip
    return str(path)


def test_nothing_is_served_yet(tmp_path):
    assert served_before(str(tmp_path / "nowhere"), "run") == []


def test_a_run_meets_what_is_served(tmp_path):
    paths = [version(tmp_path, number, run=f"run {number}", served=[]) for number in (3, 20)]
    assert served_before(str(tmp_path), "another run") == paths, "by number and not by letter"


def test_a_run_whose_model_is_served_meets_what_it_met_before(tmp_path):
    first = version(tmp_path, 3, run="a", served=[])
    assert served_before(str(tmp_path), "a") == []
    version(tmp_path, 4, run="b", served=[first])
    assert served_before(str(tmp_path), "b") == [first]
    assert len(served_before(str(tmp_path), "a")) == 2, "its model is no longer in production"


def test_a_version_of_another_tool_is_served_all_the_same(tmp_path):
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / MODEL_FILE).touch()
    assert served_before(str(tmp_path), "a") == [str(tmp_path / "5")]


def test_the_fingerprint_of_a_run():
    settings = load_settings({})
    same, *others = (
        run_fingerprint(load_settings(layer), data) for layer, data in (({}, "d"), ({"seed": 1}, "d"), ({}, "e"))
    )
    assert same == run_fingerprint(settings, "d") and same not in others and len(set(others)) == 2


def test_the_best_on_the_same_test_images(tmp_path):
    a, b, c = (version(tmp_path, i, accuracy=at) for i, at in enumerate((0.8, 0.9, 0.7)))
    other = version(tmp_path, 7, accuracy=0.99, test="other images")
    harder = version(tmp_path, 8, accuracy=0.95, shot=5)
    equal = version(tmp_path, 9, accuracy=0.9)
    judged = Manifest.read(a)
    assert best_on_same_test([a, b, c, other, harder], judged) == b
    assert best_on_same_test([a, b, c, equal], judged) == equal, "the newest of equals"
    assert best_on_same_test([other, harder], judged) is None and best_on_same_test([], judged) is None


def test_cold_is_the_default(tmp_path):
    assert start_of(load_settings({}), str(tmp_path), lambda: "images").trainer().warm_start is None
    assert not list(tmp_path.iterdir())


def test_production_means_the_one_of_the_first_time(tmp_path):
    settings = load_settings({"warm_start": "production", "name": "shop"})
    first = version(Path(destination_of(settings, str(tmp_path))), 3)
    assert start_of(settings, str(tmp_path), lambda: "images").warm_start == first
    second = version(Path(destination_of(settings, str(tmp_path))), 4)
    assert start_of(settings, str(tmp_path), lambda: "images").warm_start == first
    assert start_of(settings, str(tmp_path), lambda: "more images").warm_start == second
    longer = load_settings({"warm_start": "production", "name": "shop", "training": {"steps": 7}})
    assert start_of(longer, str(tmp_path), lambda: "images").warm_start == second
    assert start_of(settings, str(tmp_path), lambda: "images").warm_start == first
    assert len(json.loads((tmp_path / "starts.json").read_text())) == 3


def test_nothing_in_production_is_a_cold_start_and_stays_one(tmp_path):
    settings = load_settings({"warm_start": "production", "name": "shop"})
    assert start_of(settings, str(tmp_path), lambda: "images").trainer().warm_start is None
    version(Path(destination_of(settings, str(tmp_path))), 3)
    assert start_of(settings, str(tmp_path), lambda: "images").trainer().warm_start is None


@pytest.mark.parametrize("content", ["{", '{"a": "\udcff"}'])
def test_damaged_notes_are_a_sentence(tmp_path, content):
    (tmp_path / "starts.json").write_text(content, errors="surrogateescape")
    settings = load_settings({"warm_start": "production"})
    with pytest.raises(
        RootError, match="starts.json is damaged; remove it, and training starts from the model that is served now"
    ):
        start_of(settings, str(tmp_path), lambda: "images")


def test_a_model_by_its_path(tmp_path):
    path = version(tmp_path, 3)
    assert start_of(load_settings({"warm_start": path}), str(tmp_path), lambda: "images").trainer().warm_start == path
    with pytest.raises(
        ValueError, match=r"^warm_start=nowhere: no few-shot model at nowhere: .*; expected none, production"
    ):
        start_of(load_settings({"warm_start": "nowhere"}), str(tmp_path), lambda: "images")


@pytest.mark.parametrize("value", [None, False, "none"])
def test_ways_to_say_cold(value):
    assert load_settings({"warm_start": value}).trainer().warm_start is None


def test_yes_is_not_a_place_to_start_from():
    with pytest.raises(ValueError, match="warm_start: expected none, production, or the directory"):
        load_settings({"warm_start": True})


def test_a_recipe_is_not_of_images_nor_of_the_verdict():
    plain, *same = (
        recipe_fingerprint(load_settings(layer))
        for layer in (
            {},
            {
                "name": "other",
                "warm_start": "production",
                "keep_runs": 3,
                "gate": {"margin": 0.5},
                "drift": {"alpha": 0.5},
            },
            {"data": {"images": ["photos/span-{SPAN}"]}, "glyphs": "colour", "test_episodes": 10, "push": {"keep": 9}},
        )
    )
    assert set(same) == {plain}
    others = [{"seed": 1}, {"training": {"steps": 7}}, {"image": {"height": 20}}, {"validation_episodes": 9}]
    assert plain not in {recipe_fingerprint(load_settings(layer)) for layer in others}
