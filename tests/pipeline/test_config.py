"""Settings: layers over one another, and errors that say what exists."""

import pytest

from pipeline.config import load_settings
from pipeline.presets import PRESETS, find_preset
from pipeline.setting_layers import parse_overrides


def test_later_layers_win():
    settings = load_settings(
        {"seed": 1, "training": {"steps": 5, "meta_batch": 2}},
        {"training": {"steps": 7}},
        parse_overrides(["seed=3", "episodes.way=[5, 10]", "base_model.settings.filters=8"]),
    )
    assert (settings.seed, settings.training.steps, settings.training.meta_batch) == (3, 7, 2)
    assert settings.episodes.way == (5, 10) and settings.base_model.settings == {"filters": 8}


def test_the_settings_of_one_base_model_are_not_those_of_another():
    below = {"base_model": {"name": "conv4", "settings": {"filters": 16}}}

    def merged(*words: str) -> tuple[str, dict]:
        chosen = load_settings(below, parse_overrides(words)).base_model
        return chosen.name, chosen.settings

    assert merged("base_model.name=efficientnet_lite0") == ("efficientnet_lite0", {})
    own = merged("base_model.name=resnet12", "base_model.settings.dropout=0.2")
    assert own == ("resnet12", {"dropout": 0.2})
    assert merged("base_model.name=conv4") == ("conv4", {"filters": 16})
    learner = load_settings(
        {"learner": {"name": "nca", "settings": {"classifier": 1}}}, parse_overrides(["learner.name=maml"])
    )
    assert learner.learner.settings == {}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_settings(name):
    assert load_settings(find_preset(name)).name == name


def test_a_preset_that_is_none_lists_those_that_exist():
    with pytest.raises(ValueError, match="no 'glyph'; there are glyphs, glyphs-colour"):
        find_preset("glyph")


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (
            {"training": {"stepz": 3}},
            "no setting 'training.stepz'; did you mean training.steps? there are training.steps,",
        ),
        ({"trainin": {}}, "no setting 'trainin'; did you mean training? the sections are data, image, train_episodes,"),
        ({"sed": 1}, "no setting 'sed'; did you mean seed? there are name, seed, glyphs,"),
        ({"sed": 1}, "schema_file, and the sections data, image, train_episodes,"),
        ({"steps": 1}, "no setting 'steps'; did you mean training.steps?"),
        ({"training": {"steps": -1}}, "training.steps: expected at least 0, got -1"),
        ({"episodes": {"query": 0}}, "episodes.query: expected at least 1, got 0"),
        ({"episodes": {"way": "many"}}, "episodes.way: expected a whole number or a list, got 'many'"),
        ({"also": [{"spec": {"way": "many"}}]}, "also[0].spec.way: expected a whole number or a list, got 'many'"),
        ({"also": [{"spec": {}, "specs": 1}]}, "no setting 'also[0].specs'; did you mean also[0].spec?"),
        ({"also": [{}]}, "also[0].spec: expected a value, got nothing"),
        ({"training": 5}, "training: expected settings as key: value, got 5"),
        ({"training": {"learning_rate": float("inf")}}, "training.learning_rate: expected a number, got inf"),
        (
            {"training": {"schedule": "slow"}},
            "training.schedule: expected 'constant', 'cosine' or 'halving', got 'slow'",
        ),
        ({"learner": {5: 3}}, "learner[5]: expected keys that are text, got 5"),
        (
            {"episodes": {"way": 1}},
            "episodes.way: expected a number of at least 2 or a range [low, high] of such numbers, got 1",
        ),
        ({"name": "Not A Name"}, "name: expected a text of the form ^[a-z0-9]"),
        ({"image": {"channels": 2}}, "image.channels: expected 1 (grey) or 3 (RGB), got 2"),
        (
            {"learner": {"name": "magic"}},
            "learner: no 'magic'; there are protonet, matching, nca, ridge, maml, transfer",
        ),
        ({"learner": {"name": "maml", "settings": {"stepz": 1}}}, "'maml' has batch_norm, inner_rate, steps"),
        (
            {"learner": {"name": "maml"}, "episodes": {"way": [3, 5]}},
            "expected the same way in all episodes, got train_episodes.way=5,",
        ),
        ({"learner": {"name": "maml"}, "train_episodes": {"way": 7}}, "expected the same way in all episodes"),
        (
            {"learner": {"name": "maml"}, "train_episodes": {"way": None}, "episodes": {"way": None}},
            "expected the same way in all episodes, got train_episodes.way=null, episodes.way=null",
        ),
        ({"episodes": {"way": 1, "query": None}}, "episodes.way: expected a number of at least 2 or a range"),
        ({"episodes": {"way": None, "query": 0}}, "episodes.query: expected at least 1, got 0"),
        (
            {"episodes": {"rotations": True}, "image": {"height": 20}},
            "rotations need square images, got image.height=20",
        ),
        ({"data": {"train_dir": "x"}}, "test_dir"),
    ],
)
def test_errors(layer, said):
    with pytest.raises(ValueError, match=".*") as error:
        load_settings(layer)
    assert said in str(error.value) and "\n" not in str(error.value) and str(error.value).count("got ") <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.steps=[1"], "training.steps: expected a YAML value"),
        (["base_model.name=magic"], "base_model: no 'magic'; there are conv4, mlp"),
        (["training.optimizer=magic"], "training.optimizer: no 'magic' in Keras; there are adadelta"),
        (
            ["training.layout=mapped", "training.meta_batch=2", "train_episodes.shot=[1,5]"],
            "training.layout 'mapped' needs equal tasks: expected one way and one shot, got 5 and (1, 5)",
        ),
        (
            ["training.mixup=0.2"],
            "training.mixup: expected 0 for a learner that is trained on episodes, got 0.2; only batches of shuffled images",
        ),
        (["training.steps=5", "training.warm_up=6"], "warm_up: expected at most the 5 steps of the stage, got 6"),
        (["training.augmentation.crop=0"], "training.augmentation.crop: expected more than 0.0, got 0"),
        (["training.augmentation.spin=1"], "no setting 'training.augmentation.spin'"),
        (["training.optimizer=ftrl", "training.head_rate=2"], "choose another training.optimizer"),
    ],
)
def test_what_would_fail_late_fails_early(words, said):
    with pytest.raises(ValueError, match=".*") as error:
        load_settings(parse_overrides(words))
    assert said in str(error.value)


def test_training_may_be_a_list_of_stages():
    """The last stage trains the run's learner, and a later layer changes that one."""
    layer = {"training": [{"learner": {"name": "transfer"}, "steps": 3}, {"steps": 4, "learning_rate": 0.5}]}
    training = load_settings(
        {"training": {"steps": 9, "validate_every": 2}}, layer, {"training": {"steps": 5}}
    ).training
    assert [(stage.learner.name, stage.steps) for stage in training.before] == [("transfer", 3)]
    assert (training.steps, training.learning_rate, training.validate_every) == (5, 0.5, 2)
    assert training.all_steps == 8


CANDIDATES = [
    {"name": "frozen", "base_model": {"trainable": "none"}, "training": {"steps": 0}},
    {"name": "whole", "learner": {"name": "nca"}},
]


def test_candidates_are_runs_that_differ_in_what_they_name():
    settings = load_settings({"seed": 3, "training": {"steps": 9, "learning_rate": 0.5}, "candidates": CANDIDATES})
    frozen, whole = settings.contenders.values()
    assert list(settings.contenders) == ["frozen", "whole"]
    assert (frozen.base_model.trainable, frozen.training.steps, frozen.training.learning_rate) == ("none", 0, 0.5)
    assert (whole.learner.name, whole.base_model.trainable, whole.training.steps) == ("nca", "all", 9)
    assert {frozen.seed, whole.seed} == {3} and "2 candidates on conv4" in settings.headline


def test_without_candidates_a_run_is_the_only_one():
    settings = load_settings({"learner": {"name": "nca"}})
    assert settings.contenders == {"nca": settings}


def test_who_names_a_learner_wants_that_one():
    layer = {"candidates": CANDIDATES}
    assert not load_settings(layer, parse_overrides(["learner.name=maml"])).candidates
    assert load_settings(layer, parse_overrides(["training.steps=5"])).candidates
    assert load_settings(layer, {"learner": {"name": "maml"}, "candidates": CANDIDATES[1:]}).candidates


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ([CANDIDATES[0], CANDIDATES[0]], "candidates: 'frozen' is there more than once"),
        (
            [{"name": "one", "training": {"stepz": 3}}],
            "candidate 'one': no setting 'training.stepz'; did you mean training.steps",
        ),
        ([{"name": "one", "learner": {"name": "magic"}}], "candidate 'one': learner: no 'magic'"),
        ([{"name": "Not a name"}], "candidates[0].name: expected a text of the form"),
        ([{"seed": 3, "name": "one"}], "no setting 'candidates[0].seed'"),
    ],
)
def test_a_mistake_in_a_candidate_names_it(candidates, said):
    with pytest.raises(ValueError, match=".*") as error:
        load_settings({"candidates": candidates})
    assert said in str(error.value)


def test_a_frozen_trunk_sees_no_turned_images():
    with pytest.raises(ValueError, match="train_episodes.rotations needs base_model.trainable=all, got none"):
        load_settings({"train_episodes": {"rotations": True}, "base_model": {"trainable": "none"}})


def test_what_is_fitted_to_the_images_is_in_the_headline():
    def headline(**episodes) -> str:
        return load_settings(find_preset("images"), {"episodes": episodes}).headline.partition("steps, ")[2]

    assert headline() == "600 episodes, fitted to the images"
    assert headline(way=3) == "600 episodes of 3-way, fitted to the images (shot and query)"
    assert headline(way=[3, 5], shot=2) == "600 episodes of 3..5-way 2-shot, fitted to the images (query)"
    assert headline(way=3, shot=1, query=4) == "600 episodes of 3-way 1-shot"


def test_equal_tasks_may_be_fitted():
    layout = {"training": {"layout": "mapped", "meta_batch": 2}}
    assert load_settings(layout, {"train_episodes": {"way": None, "shot": None}}).train_episodes.open == ("way", "shot")


def test_a_frozen_trunk_sees_no_augmented_images():
    with pytest.raises(ValueError, match="training.augmentation needs base_model.trainable=all, got last 2"):
        load_settings({"training": {"augmentation": {"flip": True}}, "base_model": {"trainable": "last 2"}})
