import pytest

from pipeline.layers import check_base_model, check_places, settings_of
from tests import pictures
from tests.components.scenes import write_scenes

FOLDERS = {"train_dir": "a", "test_dir": "b", "val_dir": None, "images": None, "splits": None}


def test_each_layer_overrides_the_one_before(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("seed: 4\ntraining: {steps: 9, meta_batch: 2}\ndata: {train_dir: x, test_dir: y}\n")
    settings = settings_of("images", str(file), FOLDERS, ["training.steps=7"])
    assert (settings.name, settings.seed, settings.training.meta_batch, settings.training.steps) == ("images", 4, 2, 7)
    assert settings.data.train_dir == "a" and settings.data.test_dir == "b"


def test_a_mistake_in_a_file_names_the_file(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("training: {stepz: 9}")
    with pytest.raises(ValueError, match=f"^--config {file}: no setting 'training.stepz'; did you mean training.steps"):
        settings_of(None, str(file), {}, None)
    file.write_text("seed: 4")
    with pytest.raises(ValueError, match="^no setting 'training.stepz'"):
        settings_of(None, str(file), {}, ["training.stepz=9"])


@pytest.mark.parametrize("option", ["preset", "config", "train_dir", "images", "splits"])
def test_an_empty_value_is_a_mistake_of_the_shell(option):
    """As in `--train-dir "$PHOTOS"`, which would otherwise run on the built-in images."""
    given = {"preset": None, "config": None, "data": {}}
    given |= {option: ""} if option in given else {"data": {option: [""] if option == "images" else ""}}
    with pytest.raises(ValueError, match=f"--{option.replace('_', '-')}: expected a value, got nothing"):
        settings_of(**given, overrides=[])


def test_the_preset_depends_on_whose_images_they_are(tmp_path):
    assert settings_of(None, None, {}, None).name == "glyphs"
    assert settings_of(None, None, FOLDERS, []).name == "photos"
    assert settings_of(None, None, {"images": ["photos"]}, []).data.deals
    assert settings_of(None, None, {}, ["data.train_dir=a", "data.test_dir=b"]).name == "photos"
    grey = pictures.write_set(tmp_path, 1, 1, 1, images=2)
    assert settings_of(None, None, grey, []).name == "images"
    words = [f"data.{side}={folder}" for side, folder in grey.items()]
    assert settings_of(None, None, {}, words).name == "images"
    assert settings_of(None, None, {"images": [grey["train_dir"]]}, []).name == "images"
    assert settings_of("photos", None, grey, []).name == "photos"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["base_model.settings.filterz=3"], "unexpected keyword argument 'filterz'; 'conv4' has filters"),
        (
            ["base_model.settings.filters=many"],
            "base_model 'conv4' cannot be built for images (28, 28, 1) with {'filters': 'many'}",
        ),
        (["base_model.name=nowhere:model"], "base_model: cannot import 'nowhere:model'"),
        (["base_model.name=':'"], "base_model: cannot import ':'"),
    ],
)
def test_a_base_model_that_cannot_be_built_is_known_before_the_run(words, said):
    settings = settings_of(None, None, {}, words)
    with pytest.raises(ValueError, match=".*") as error:
        check_base_model(settings)
    assert said in str(error.value) and "\n" not in str(error.value)
    check_base_model(settings_of(None, None, {}, ["base_model.settings.filters=3"]))


BUCKET = {"train_dir": "gs://b/train", "test_dir": "gs://b/test"}


@pytest.mark.parametrize(
    ("data", "words", "root", "said"),
    [
        (BUCKET, [], "runs", "runs"),
        ({"train_dir": "gs://b/train", "test_dir": "/photos"}, [], "gs://b/r", "/photos"),
        ({"images": ["gs://b/i"], "splits": "splits.json#x"}, [], "gs://b/r", "splits.json#x"),
        (BUCKET, ["push.destination=/served"], "gs://b/r", "/served"),
        (BUCKET, ["warm_start=/served/7"], "gs://b/r", "/served/7"),
    ],
)
def test_a_cluster_reaches_no_path_of_this_machine_unless_it_is_mounted(tmp_path, data, words, root, said):
    settings, output = settings_of(None, None, data, words), str(tmp_path / "job.json")
    with pytest.raises(ValueError, match=f"^{said} is a path of this machine: expected one .*, or --mounted if"):
        check_places(settings, root, output, mounted=False)
    check_places(settings, root, output, mounted=True)


def test_where_a_compiled_pipeline_is_written(tmp_path):
    settings = settings_of(None, None, BUCKET, [])
    check_places(settings, "gs://b/r", str(tmp_path / "job.json"), mounted=False)
    with pytest.raises(ValueError, match="expected a file to write, got a directory"):
        check_places(settings, "gs://b/r", str(tmp_path), mounted=False)
    with pytest.raises(ValueError, match="nowhere/job.json: no such folder; create it first"):
        check_places(settings, "gs://b/r", str(tmp_path / "nowhere" / "job.json"), mounted=False)


def test_what_has_nothing_to_train_is_known_before_the_run():
    frozen = ["base_model.trainable=none"]
    with pytest.raises(ValueError, match="learner 'protonet' has nothing to train with base_model.trainable=none: set"):
        check_base_model(settings_of(None, None, {}, [*frozen, "learner.name=protonet"]))
    check_base_model(settings_of(None, None, {}, [*frozen, "learner.name=protonet", "training.steps=0"]))
    check_base_model(settings_of(None, None, {}, [*frozen, "learner={name: protonet, settings: {residual: 0.01}}"]))
    with pytest.raises(ValueError, match="base_model.trainable 'last 9': 'conv4' has 4 layers with a kernel"):
        check_base_model(settings_of(None, None, {}, ["base_model.trainable=last 9"]))


def test_the_kind_of_task_is_found_from_the_images(tmp_path):
    named = write_scenes(tmp_path / "scenes", each=2)
    found = settings_of(None, None, named, None)
    assert found.kind == "detection" and found.name == "detect-photos"
    assert (
        settings_of(None, None, {"images": [named["train_dir"]], "annotations": "boxes.json"}, None).kind == "detection"
    )
    assert settings_of(None, None, {"images": ["gs://shop/photos"]}, None).kind == "classification", "not looked into"
    words = ["data.kind=detection"]
    assert settings_of(None, None, {"images": ["gs://shop/photos"]}, words).name == "detect-photos"
