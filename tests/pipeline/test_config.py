"""Settings: layers over one another, and errors that say what exists."""

import pytest

from pipeline.config import load_settings, parse_overrides, read_config, setting_keys
from pipeline.presets import PRESETS, find_preset


def test_later_layers_win():
    settings = load_settings(
        {"seed": 1, "training": {"steps": 5, "meta_batch": 2}},
        {"training": {"steps": 7}},
        parse_overrides(["seed=3", "episodes.way=[5, 10]", "base_model.settings.filters=8"]),
    )
    assert (settings.seed, settings.training.steps, settings.training.meta_batch) == (3, 7, 2)
    assert settings.episodes.way == (5, 10) and settings.base_model.settings == {"filters": 8}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_settings(name):
    assert load_settings(find_preset(name)).name == name


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (
            {"training": {"stepz": 3}},
            "no setting 'training.stepz'; did you mean training.steps? there are training.steps,",
        ),
        ({"trainin": {}}, "no setting 'trainin'; did you mean training"),
        ({"training": {"steps": -1}}, "training.steps: Input should be greater than or equal to 0 (got -1)"),
        ({"episodes": {"query": 0}}, "episodes.query: Input should be greater than or equal to 1 (got 0)"),
        (
            {"episodes": {"way": 1}},
            "episodes.way: expected a number of at least 2 or a range [low, high] of such numbers, got 1",
        ),
        ({"name": "Not A Name"}, "name: String should match pattern"),
        ({"image": {"channels": 2}}, "image.channels: expected 1 (grey) or 3 (RGB), got 2"),
        ({"learner": {"name": "magic"}}, "learner: no 'magic'; there are protonet, matching, nca, maml, transfer"),
        ({"learner": {"name": "maml", "settings": {"stepz": 1}}}, "'maml' has batch_norm, inner_rate, steps"),
        (
            {"learner": {"name": "maml"}, "episodes": {"way": [3, 5]}},
            "expected the same way in all episodes, got train_episodes.way=5,",
        ),
        ({"learner": {"name": "maml"}, "train_episodes": {"way": 7}}, "expected the same way in all episodes"),
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
    assert said in str(error.value) and "\n" not in str(error.value)


def test_files(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("seed: 4\ntraining: {steps: 9}\n")
    assert load_settings(read_config(str(path))).training.steps == 9
    for content, said in (("a: [", "is not YAML"), ("- 1", "expected settings as `key: value`, got list")):
        path.write_text(content)
        with pytest.raises(ValueError, match=said):
            read_config(str(path))
    with pytest.raises(ValueError, match="cannot be read"):
        read_config(str(tmp_path / "nowhere.yaml"))


def test_words_that_are_no_settings():
    with pytest.raises(ValueError, match="expected settings as key=value .*, got 'steps'"):
        parse_overrides(["steps"])
    with pytest.raises(ValueError, match="no 'glyph'; there are glyphs, glyphs-colour"):
        find_preset("glyph")


def test_keys():
    keys = setting_keys()
    assert {"seed", "training.steps", "episodes.way", "data.train_dir", "gate.threshold", "also"} <= set(keys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.steps=[1"], "training.steps: expected a YAML value"),
        (["base_model.name=magic"], "base_model: no 'magic'; there are conv4, mlp"),
        (["base_model.settings.filterz=3"], "unexpected keyword argument 'filterz'; 'conv4' has filters"),
        (["training.optimizer=magic"], "training.optimizer: no 'magic' in Keras; there are adadelta"),
        (
            ["training.layout=mapped", "training.meta_batch=2", "train_episodes.shot=[1,5]"],
            "training.layout 'mapped' needs equal tasks: expected one way and one shot, got 5 and (1, 5)",
        ),
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
