"""The MetaTrainer on real artifacts: a SavedModel that takes encoded images, and the run that made it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot.base_models.table import BaseModelSettings
from components.fewshot.episodes.episode import WantedEpisodes
from components.fewshot.integrity import LIST, Damaged, damage
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.seen import Seen
from components.fewshot.serving.served import ServedModel
from components.fewshot.settings.learners import LearnerChoice
from components.fewshot.training.settings import TrainingSettings
from components.meta_trainer.executor import WEIGHTS, Executor
from components.meta_trainer.settings import TrainerSettings
from tests.components import artifacts
from tests.components.fewshot import toys

SETTINGS = TrainerSettings.model_validate(
    {
        "base_model": {"settings": {"filters": 4}},
        "training": {"steps": 4, "validate_every": 2, "checkpoint_every": 1},
        "episodes": {"way": 3, "shot": 1, "query": 2},
        "image": {"height": artifacts.SIDE, "width": artifacts.SIDE, "channels": 1},
    }
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    made = artifacts.artifact(standard_artifacts.Examples, root / "episodes" / "3", 3)
    settings = EpisodeGeneratorSettings(
        train={"way": 3, "query": 2},
        evaluation={"way": 3, "query": 3},
        val_episodes=4,
        test_episodes=4,
        image=artifacts.IMAGE,
    )
    properties = {"settings": settings.model_dump_json()}
    Generator(artifacts.context()).Do(artifacts.write_examples(root), {"episodes": [made]}, properties)
    return {"episodes": [made], "transform_graph": [artifacts.write_transform_graph(root)]}


def train(root, inputs, number=5, **changes):
    """Runs the executor; answers with the Model and the ModelRun artifact."""
    model = artifacts.artifact(standard_artifacts.Model, root / "model" / str(number), number)
    run = artifacts.artifact(standard_artifacts.ModelRun, root / "model_run" / str(number), number)
    properties = {
        "settings": SETTINGS.model_copy(update=changes).model_dump_json(),
        "checkpoint_root": str(root / "checkpoints"),
        "title": "protonet",
        "code_fingerprint": "x",
    }
    Executor().Do(inputs, {"model": [model], "model_run": [run]}, properties)
    return model, run


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    return train(tmp_path_factory.mktemp("trained"), inputs)


def test_the_model_serves_encoded_images_of_any_size(trained):
    served = ServedModel(path_utils.serving_model_path(trained[0].uri))
    images = [toys.png(np.full((side, side + 3, 1), side, np.uint8)) for side in (9, 16, 40)]
    probabilities = served.episode(images, np.array([0, 1, 2]), images)
    assert probabilities.shape == (3, 3) and probabilities.argmax(1).tolist() == [0, 1, 2]


def test_the_manifest_tells_where_it_comes_from(trained, inputs):
    model, _ = trained
    manifest = ServedModel(path_utils.serving_model_path(model.uri)).manifest
    episodes = inputs["episodes"][0]
    assert manifest.steps == 4 and manifest.learner == "protonet" and manifest.seed == 0
    assert manifest.data["hash_test"] == episodes.get_string_custom_property("hash_test")
    assert manifest.lineage["episodes"] == {"id": 3, "uri": episodes.uri}
    assert manifest.lineage["warm_start_from"] is None
    assert {"tensorflow", "keras", "tfx"} <= manifest.versions.keys()


def test_the_run_is_in_history_and_in_tensorboard(trained):
    _, run = trained
    with open(f"{run.uri}/history.json") as file:
        history = json.load(file)
    assert [row["step"] for row in history["steps"]] == [1, 2, 3, 4]
    assert [row["step"] for row in history["validation"]] == [2, 4]
    (events,) = tf.io.gfile.glob(f"{run.uri}/events.out.tfevents.*")
    seen: dict[str, list[int]] = {}
    for event in tf.compat.v1.train.summary_iterator(events):
        for value in event.summary.value:
            seen.setdefault(value.tag, []).append(event.step)
    assert seen["train/loss"] == seen["train/learning_rate"] == [1, 2, 3, 4]
    assert sorted(seen["validation/accuracy"]) == [2, 4]
    with open(f"{run.uri}/timing.json") as file:
        assert json.load(file).keys() == {"training_seconds", "seconds"}


def test_a_warm_start_is_in_the_lineage(tmp_path, trained, inputs):
    earlier = path_utils.serving_model_path(trained[0].uri)
    model, _ = train(tmp_path, inputs, 6, warm_start=earlier)
    directory = path_utils.serving_model_path(model.uri)
    assert ServedModel(directory).manifest.lineage["warm_start_from"] == earlier
    assert tf.io.gfile.exists(f"{directory}/{WEIGHTS}")


def test_without_episodes(tmp_path, inputs):
    empty = artifacts.artifact(standard_artifacts.Examples, tmp_path / "empty", 9)
    empty.split_names = artifact_utils.encode_split_names(["train", "val", "test"])
    with pytest.raises(FileNotFoundError, match="no image store at"):
        train(tmp_path, inputs | {"episodes": [empty]})


def test_no_queries_and_no_image(trained):
    """Through the transform graph, which is not the decoder of the notebook's models."""
    served = ServedModel(path_utils.serving_model_path(trained[0].uri))
    images = [toys.png(np.full((16, 16, 1), value, np.uint8)) for value in (0, 200)]
    assert served.episode(images, np.array([0, 1]), []).shape == (0, 2)
    assert served.embed([]).shape[0] == 0
    with pytest.raises(ValueError, match=r"^the model refuses: image 0: a text file, not an image"):
        served.embed([b"no image"])


def test_what_it_has_seen_travels_with_it(tmp_path, trained, inputs):
    earlier = str(tmp_path / "earlier")
    shutil.copytree(path_utils.serving_model_path(trained[0].uri), earlier, ignore=shutil.ignore_patterns(LIST))
    seen = Seen.read(earlier)
    assert len(seen.train) == 10 and len(seen.val) == 5
    (Seen(train=frozenset({"test-a/00"})) | seen).write(earlier)
    model, _ = train(tmp_path, inputs, 7, warm_start=earlier)
    lineage = ServedModel(path_utils.serving_model_path(model.uri)).manifest.lineage
    assert lineage["warm_start_from"] is None
    assert lineage["no_warm_start"] == "it was trained on 1 of the classes that must be unseen (test-a/00)"


def test_a_base_model_of_ones_own_is_looked_at_for_changes(tmp_path, monkeypatch):
    from tfx.types import channel_utils

    from components.meta_trainer.component import MetaTrainer

    monkeypatch.syspath_prepend(str(tmp_path))
    channel = channel_utils.as_channel([standard_artifacts.Examples()])
    graph = channel_utils.as_channel([standard_artifacts.TransformGraph()])

    def fingerprint(name: str) -> str:
        settings = SETTINGS.model_copy(update={"base_model": BaseModelSettings(name=name)})
        return MetaTrainer(channel, graph, settings, "checkpoints").exec_properties["code_fingerprint"]

    (tmp_path / "my_networks.py").write_text("def net(shape): ...")
    before = fingerprint("my_networks:net")
    assert fingerprint("my_networks:net") == before != fingerprint("conv4")
    (tmp_path / "my_networks.py").write_text("def net(shape): return None")
    assert fingerprint("my_networks:net") != before
    assert fingerprint("keras.applications:ResNet50") == fingerprint("conv4"), "Keras is in the lock file"


def test_what_it_writes_is_sealed_and_a_damaged_model_is_no_start(tmp_path, trained, inputs):
    for artifact in trained:
        assert (Path(artifact.uri) / LIST).exists() and damage(artifact.uri, every_byte=True) is None
    earlier = tmp_path / "earlier"
    shutil.copytree(path_utils.serving_model_path(trained[0].uri), earlier)
    flip(earlier / "variables" / "variables.data-00000-of-00001")
    with pytest.raises(
        Damaged, match=r"variables.data-00000-of-00001 has other bytes .*: start from another model, or"
    ):
        train(tmp_path, inputs, 8, warm_start=str(earlier))
    with pytest.raises(Damaged, match="use another model, or make this one again"):
        ServedModel(str(earlier))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("Split-train/store/part-00000.npz", "part-00000.npz has other bytes"),
        ("Split-train/store/index.json", "index.json has other bytes"),
        ("Split-val/episodes-00000-of-00001.tfrecord", "tfrecord has other bytes"),
        ("Split-train/store/shard-00000.bin", "shard-00000.bin has other"),
    ],
)
def test_it_never_trains_on_other_bytes(tmp_path, inputs, file, said):
    episodes = artifacts.artifact(standard_artifacts.Examples, tmp_path / "episodes", 4)
    shutil.copytree(inputs["episodes"][0].uri, episodes.uri, dirs_exist_ok=True)
    episodes.split_names = inputs["episodes"][0].split_names
    episodes.set_int_custom_property("val_episodes", 4)
    flip(tmp_path / "episodes" / file)
    with pytest.raises(Damaged, match=said):
        train(tmp_path, inputs | {"episodes": [episodes]})


def flip(path: Path) -> None:
    """Changes a byte of each image of a shard, because training reads only those that it draws."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 2 % 97, len(content), 97):
        content[place] ^= 1
    path.write_bytes(content)


def test_the_same_weights_exported_again_are_the_same_model(tmp_path, trained, inputs):
    """The files differ: a SavedModel is another one each time, and the manifest has other paths."""
    again, _ = train(tmp_path, inputs, 6)
    one, two = (Manifest.read(path_utils.serving_model_path(model.uri)).lineage for model in (trained[0], again))
    assert one["model_uri"] != two["model_uri"] and one["model_fingerprint"] == two["model_fingerprint"]
    other, _ = train(tmp_path / "other", inputs, 9, seed=1)
    lineage = Manifest.read(path_utils.serving_model_path(other.uri)).lineage
    assert lineage["model_fingerprint"] != one["model_fingerprint"]


@pytest.fixture(scope="module")
def only_test(tmp_path_factory):
    """Episodes of test classes alone, as where there are too few classes to hold any out."""
    root = tmp_path_factory.mktemp("only_test")
    other = [source for split in ("train", "val") for _, _, source, _ in artifacts.pictures_of(split)]
    examples = artifacts.write_examples(root, without=other)
    counts = {"train": 0, "val": 0, "test": 48}
    summary = {"splits": {split: {"images": count} for split, count in counts.items()}}
    (Path(examples["examples"][0].uri) / "summary.json").write_text(json.dumps(summary))
    made = artifacts.artifact(standard_artifacts.Examples, root / "episodes" / "3", 3)
    settings = EpisodeGeneratorSettings(evaluation={"way": 3, "query": 3}, test_episodes=4, image=artifacts.IMAGE)
    Generator(artifacts.context()).Do(examples, {"episodes": [made]}, {"settings": settings.model_dump_json()})
    return {"episodes": [made], "transform_graph": [artifacts.write_transform_graph(root)]}


OPEN = {"way": None, "shot": None, "query": None}


@pytest.mark.parametrize("learner", ["protonet", "nca", "transfer", "maml"])
def test_nothing_to_train_on(tmp_path, only_test, learner):
    changes = {
        "learner": LearnerChoice(name=learner),
        "training": TrainingSettings(steps=0),
        "episodes": WantedEpisodes(**OPEN),
    }
    model, run = train(tmp_path, only_test, **changes)
    served = ServedModel(path_utils.serving_model_path(model.uri))
    assert served.manifest.steps == 0 and served.manifest.validation == {}
    assert json.loads((Path(run.uri) / "history.json").read_text())["validation"] == []
    assert Seen.read(path_utils.serving_model_path(model.uri)) == Seen()
    images = [toys.png(np.full((16, 16, 1), value, np.uint8)) for value in (0, 250)]
    assert served.episode(images, np.array([0, 1]), images).argmax(1).tolist() == [0, 1]


def test_nothing_to_train_on_although_it_needs_training(tmp_path, only_test):
    with pytest.raises(ValueError, match=r"^6 classes with 48 images are too few to train on: .* add 2 classes"):
        train(tmp_path, only_test)


def test_training_episodes_are_fitted_to_the_train_classes(tmp_path, inputs):
    model, _ = train(tmp_path, inputs, episodes=WantedEpisodes(**OPEN))
    episodes = Manifest.read(path_utils.serving_model_path(model.uri)).episodes
    assert (episodes.way, episodes.shot, episodes.query) == (10, 1, 5)
