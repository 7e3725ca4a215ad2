"""The EpisodeGenerator on real artifacts: the same episodes however the work is shared out, and sentences for bad data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from components import store_index
from components.episode_generator import build
from components.episode_generator.component import EpisodeGenerator
from components.episode_generator.executor import Executor
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged, Incomplete, damage, is_sealed
from data.sources.records import to_example
from tests.components import artifacts

REPOSITORY = Path(__file__).parents[3]

SETTINGS = {
    "train": {"way": 4, "shot": 1, "query": 3},
    "evaluation": {"way": [3, 5], "shot": [1, 2], "query": 4},
    "val_episodes": 5,
    "test_episodes": 9,
    "image": artifacts.IMAGE,
    "seed": 7,
    "also": [{"spec": {"way": 2, "shot": 3, "query": 5}, "episodes": 3}],
}


def generate(inputs, root, workers=artifacts.ONE_WORKER, **changes):
    """Runs the executor as the component sets it up."""
    settings = EpisodeGeneratorSettings.model_validate(SETTINGS | changes)
    episodes = artifacts.artifact(standard_artifacts.Examples, root, 3)
    properties = {"settings": settings.model_dump_json(), "code_fingerprint": "x"}
    Executor(artifacts.context(workers)).Do(inputs, {"episodes": [episodes]}, properties)
    return episodes


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return artifacts.write_examples(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def episodes(inputs, tmp_path_factory):
    return generate(inputs, tmp_path_factory.mktemp("episodes"))


def split_of(episodes, split):
    return artifact_utils.get_split_uri([episodes], split)


def frozen_bytes(episodes):
    """Every frozen episode, and every image that it shows."""
    found = []
    for split, name in (("val", "episodes"), ("test", "episodes"), ("test", "also-0")):
        uri = split_of(episodes, split)
        store = ImageStore.open(os.path.join(uri, "store"))
        for episode in read_frozen(uri, name):
            for draw in (episode.support, episode.query):
                images = store.encoded(draw) if split == "test" else store.pixels(draw).tobytes()
                found.append((split, name, episode.index, draw.labels.tolist(), images))
    return found


def test_what_is_written(episodes):
    assert json.loads(episodes.split_names) == ["train", "val", "test"]
    train = ImageStore.open(os.path.join(split_of(episodes, "train"), "store"))
    test = ImageStore.open(os.path.join(split_of(episodes, "test"), "store"))
    assert train.shape == (artifacts.SIDE, artifacts.SIDE, 1) and test.shape is None
    assert len(train.index.names) == 10 and set(train.index.domains) == {"train-a", "train-b"}
    assert train.index.counts.tolist() == [8] * 10
    by_source = {source: image for _, _, source, image in artifacts.pictures_of("train")}
    everything = EpisodeSampler(train.index, EpisodeSpec(way=10, shot=1, query=7), 0)(0)
    for draw in (everything.support, everything.query):
        for row, image in zip(draw.rows, train.pixels(draw), strict=True):
            np.testing.assert_array_equal(image, by_source[train.source_ids[row]])


def test_frozen_episodes_are_the_samplers_own(episodes):
    uri = split_of(episodes, "test")
    store = ImageStore.open(os.path.join(uri, "store"))
    draw = EpisodeSampler(store.index, EpisodeSpec(way=(3, 5), shot=(1, 2), query=4), 7)
    frozen = read_frozen(uri)
    assert [episode.index for episode in frozen] == list(range(9))
    for episode in frozen:
        np.testing.assert_array_equal(episode.query.rows, draw(episode.index).query.rows)
    assert {e.way for e in frozen} <= {3, 4, 5} and {e.shot for e in frozen} == {1, 2}
    also = read_frozen(uri, "also-0")
    assert len(also) == 3 and {(e.way, e.shot) for e in also} == {(2, 3)}


def test_what_the_artifact_tells(episodes):
    assert episodes.get_int_custom_property("seed") == 7
    assert json.loads(episodes.get_string_custom_property("spec_test"))["way"] == [3, 5]
    (also,) = json.loads(episodes.get_string_custom_property("also"))
    assert also["name"] == "2-way 3-shot" and also["episodes"] == 3
    hashes = {episodes.get_string_custom_property(f"hash_{split}") for split in ("val", "test")}
    assert len(hashes) == 2 and all(len(one) == 64 for one in hashes)


def test_these_images_have_had_these_episodes_since_the_first_store(episodes):
    """However a store is written, an episode that was frozen once has the same images."""
    hashes = {split: episodes.get_string_custom_property(f"hash_{split}") for split in ("val", "test")}
    assert hashes == {
        "val": "ab91e87e3ff7c6ccbce6857fde491320e55a1ec9e1c5801ca786de1ae8cc769b",
        "test": "79e954ac83bb658238fb5bc05685433b4170431c785a1038fa13afcd64706cd7",
    }


@pytest.mark.parametrize("workers", [artifacts.ONE_WORKER, artifacts.TWO_PROCESSES], ids=["one", "two"])
def test_any_workers_any_order_the_same_episodes(episodes, tmp_path, monkeypatch, workers):
    """Images in another order, in other files and so in other shards, and in several parts."""
    monkeypatch.setattr(build, "parts_for", lambda images: 3)
    shuffled = artifacts.write_examples(tmp_path, shuffle=1, files=3)
    other = generate(shuffled, tmp_path / "episodes", workers)
    for key in ("hash_val", "hash_test", "fingerprint_train", "fingerprint_val", "fingerprint_test"):
        assert other.get_string_custom_property(key) == episodes.get_string_custom_property(key), key
    assert frozen_bytes(other) == frozen_bytes(episodes)


def test_another_seed_gives_others(episodes, inputs, tmp_path):
    other = generate(inputs, tmp_path, seed=8)
    assert other.get_string_custom_property("hash_test") != episodes.get_string_custom_property("hash_test")
    assert other.get_string_custom_property("fingerprint_test") == episodes.get_string_custom_property(
        "fingerprint_test"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"train": {"way": 11, "query": 3}},
            r"split 'train': episodes of 11-way 1-shot .* only 10 of 10 have so many: add classes or images to train, or lower"
            r" train_episodes.way, train_episodes.shot or train_episodes.query$",
        ),
        (
            {"evaluation": {"way": 6, "query": 3}},
            r"split 'val': .* need 6 classes .* only 5 of 5 have so many: name a validation set \(val_dir\), raise .*, or"
            r" lower episodes.way",
        ),
        ({"also": [{"spec": {"way": 7, "query": 3}}]}, r"split 'test': .* need 7 classes"),
        ({"evaluation": {"way": 2, "query": 8}}, r"split 'val': .* of at least 9 images each, but only 0"),
    ],
)
def test_too_few_classes_or_images(inputs, tmp_path, changes, said):
    with pytest.raises(ValueError, match=said):
        generate(inputs, tmp_path, **changes)
    assert not list(tmp_path.rglob("episodes-*")), "no episode of any split is frozen"


def tell(examples, left_out, empty=(), **counts):
    """Writes beside the examples what ImageExampleGen tells: files with the same picture, and test classes without images."""
    folder = Path(examples["examples"][0].uri)
    files = [
        {
            "split": source.split("-")[0],
            "class_name": source.rpartition("/")[0],
            "source_id": source,
            "takes_part": False,
        }
        for source in left_out
    ]
    first = {"split": "test", "class_name": "test-a/00", "source_id": "test-a/00/000.png", "takes_part": True}
    (folder / "duplicates.json").write_text(json.dumps([[first, *files[:1]], files[1:]]))
    return summarised(examples, empty=list(empty), **counts)


OUT = ("test-a/00/001.png", "test-a/00/002.png", "test-a/02/017.png", "val-b/01/009.png", "train-a/02/016.png")


@pytest.mark.parametrize("workers", [artifacts.ONE_WORKER, artifacts.TWO_PROCESSES], ids=["one", "two"])
def test_duplicates_are_left_out_as_if_they_were_not_there(tmp_path, workers):
    also = {"spec": {"way": 2, "shot": 2, "query": 4}, "episodes": 3}
    settings = {"evaluation": {"way": 3, "shot": 1, "query": 5}, "also": [also]}
    expected = generate(artifacts.write_examples(tmp_path / "one", without=OUT), tmp_path / "out", **settings)
    told = tell(artifacts.write_examples(tmp_path / "two", shuffle=1, files=3), OUT)
    found = generate(told, tmp_path / "found", workers, **settings)
    for key in ("hash_val", "hash_test", "fingerprint_train", "fingerprint_val", "fingerprint_test"):
        assert found.get_string_custom_property(key) == expected.get_string_custom_property(key), key
    assert frozen_bytes(found) == frozen_bytes(expected)


def test_duplicates_are_named_where_too_few_images_are_left(tmp_path):
    """The folders may hold enough files: the sentence says why these are too few."""
    gone = [source for name, _, source, _ in artifacts.pictures_of("test") if name == "test-b/05"]
    examples = tell(artifacts.write_examples(tmp_path / "few"), [*OUT[:2], *gone], empty=["bad"])
    with pytest.raises(ValueError) as error:
        generate(examples, tmp_path / "out", also=[{"spec": {"way": 3, "shot": 3, "query": 6}}])
    listed = Path(examples["examples"][0].uri) / "duplicates.json"
    assert str(error.value) == (
        "split 'test': episodes of 3-way 3-shot with 6 query images need 3 classes of at least 9 images each, but only 0 of 7"
        f" have so many (files with the same picture, 10 here, do not count: see {listed}): add classes or images to test (bad"
        " lacks 9, test-a/00 lacks 3, test-a/02 lacks 1, test-a/04 lacks 1, test-b/01 lacks 1 and 2 more), or lower also.way,"
        " also.shot or also.query"
    )


def test_train_classes_of_duplicates_end_the_run_without_training_episodes_too(tmp_path):
    gone = [source for name, _, source, _ in artifacts.pictures_of("train") if name != "train-a/00"]
    examples = tell(artifacts.write_examples(tmp_path / "few"), gone)
    said = (
        r"^split 'train': expected pictures of at least 2 classes, got 1 .files .*, 72 here, .*/duplicates.json.: leave"
    )
    with pytest.raises(ValueError, match=said):
        generate(examples, tmp_path / "out", train=None)


def test_which_classes_take_part_is_written(tmp_path):
    gone = [source for name, _, source, _ in artifacts.pictures_of("test") if name == "test-b/05"]
    small = tell(artifacts.write_examples(tmp_path / "small"), ["test-a/02/017.png", "test-a/02/018.png", *gone])
    episodes = generate(small, tmp_path / "out", evaluation={"way": 3, "shot": 1, "query": 6})
    found = json.loads((Path(episodes.uri) / "classes.json").read_text())
    assert [(one["split"], one["episodes"], one["images_per_class"], one["classes"]) for one in found] == [
        ("train", "4-way 1-shot", 4, 10),
        ("val", "3-way 1-shot", 7, 5),
        ("test", "3-way 1-shot", 7, 4),
        ("test", "2-way 3-shot", 8, 4),
    ]
    assert [(one["query"], one["fitted"]) for one in found] == [(3, []), (6, []), (6, []), (5, [])]
    assert found[2]["classes_too_small"] == [
        {"class_name": "test-a/02", "images": 6, "lacks": 1, "domain_lacks": 0},
        {"class_name": "test-b/05", "images": 0, "lacks": 7, "domain_lacks": 0},
    ]
    assert found[0]["classes_too_small"] == found[1]["classes_too_small"] == []


def test_rotations_give_four_times_the_classes(inputs, tmp_path):
    spec = {"way": 12, "query": 3, "rotations": True}
    episodes = generate(inputs, tmp_path, train=spec | {"way": 40})
    assert episodes.get_string_custom_property("hash_val")


def test_rotations_want_square_images(inputs, tmp_path):
    wide = inputs | {"transform_graph": [artifacts.write_transform_graph(tmp_path, height=8, width=32)]}
    image = {"height": 8, "width": 32, "channels": 1}
    with pytest.raises(ValueError, match=r"rotations need square images, got image.height 8 and image.width 32"):
        generate(wide, tmp_path / "out", image=image, train={"way": 4, "query": 3, "rotations": True})


def anomalies_of(root, **found):
    """ExampleAnomalies as ExampleValidator leaves them."""
    made = artifacts.artifact(standard_artifacts.ExampleAnomalies, root)
    made.split_names = artifact_utils.encode_split_names(["train", "val"])
    for split in ("train", "val"):
        proto = anomalies_pb2.Anomalies()
        for name, description in found.items() if split == "val" else ():
            proto.anomaly_info[name].description = description
        directory = os.path.join(made.uri, f"Split-{split}")
        os.makedirs(directory)
        with open(os.path.join(directory, "SchemaDiff.pb"), "wb") as file:
            file.write(proto.SerializeToString())
    return [made]


def test_an_anomaly_stops_it_before_anything_is_written(inputs, tmp_path):
    found = anomalies_of(tmp_path / "bad", width="Value 99999 is too large.")
    with pytest.raises(ValueError, match=r"found 1 anomaly: split 'val', width: Value 99999 is too large\.; correct"):
        generate({**inputs, "anomalies": found}, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    generate({**inputs, "anomalies": anomalies_of(tmp_path / "good")}, tmp_path / "out2")


MEMORY = """
import resource, sys
import apache_beam as beam
from components.episode_generator.build import WriteStore

def megabytes(path):  # at the peak of this process, once a store of the file has been written
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | WriteStore([path], path + "-store")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

print(-megabytes(sys.argv[1]) + megabytes(sys.argv[2]))
"""


def test_memory_does_not_grow_with_the_set(tmp_path):
    """160 MB of images take less than 40 MB more than a single one."""
    for name, images in (("one", 1), ("many", 320)):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for number in range(images):
                content = number.to_bytes(2) * 250_000
                writer.write(to_example(content, "PNG", (2, 2, 1), "class", "domain", f"{number}.png"))
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "one"), str(tmp_path / "many")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert float(done.stdout) < 40
    store = ImageStore.open(str(tmp_path / "many-store"))
    assert store.index.counts.tolist() == [320]


def test_the_component_carries_its_settings_and_its_code():
    from tfx.types import channel_utils

    examples, graph = standard_artifacts.Examples(), standard_artifacts.TransformGraph()
    channels = [channel_utils.as_channel([one]) for one in (examples, graph)]
    component = EpisodeGenerator(*channels, EpisodeGeneratorSettings(seed=3))
    assert json.loads(component.exec_properties["settings"])["seed"] == 3
    assert len(component.exec_properties["code_fingerprint"]) == 16


def summarised(inputs, train=80, empty=(), val=40):
    """The inputs, whose summary says that so many images were read, and that no image of these test classes was."""
    counts = {"train": train, "val": val, "test": 48}
    lost = {"train": (), "val": (), "test": empty}
    summary = {"splits": {split: {"images": count, "empty_classes": lost[split]} for split, count in counts.items()}}
    with open(os.path.join(inputs["examples"][0].uri, "summary.json"), "w") as file:
        json.dump(summary, file)
    return inputs


def test_every_image_is_in_its_store(tmp_path):
    inputs = summarised(artifacts.write_examples(tmp_path), train=80)
    generate(inputs, tmp_path / "whole")
    source = inputs["examples"][0].uri
    with pytest.raises(Damaged, match=f"^{source} is damaged \\(split 'train' has 80 examples of 81 images\\)"):
        generate(summarised(inputs, train=81), tmp_path / "less")


def test_an_image_that_beam_loses_is_missed(tmp_path, monkeypatch):
    inputs = summarised(artifacts.write_examples(tmp_path), train=80)
    write = store_index.write_part
    monkeypatch.setattr(store_index, "write_part", lambda place, number, entries: write(place, number, [*entries][1:]))
    with pytest.raises(Incomplete, match=r"^the store of split 'train' has 79 of 80 images$"):
        generate(inputs, tmp_path / "out")


def test_an_episode_that_beam_loses_is_missed(inputs, tmp_path, monkeypatch):
    draw = build._Draw.process
    monkeypatch.setattr(build._Draw, "process", lambda self, number: draw(self, number) if number != 4 else iter(()))
    with pytest.raises(Incomplete, match=r"expected \d episodes by number, got \d \(number 4 is missing\)"):
        generate(inputs, tmp_path)


def test_what_it_writes_is_sealed(episodes):
    assert is_sealed(episodes.uri) and damage(episodes.uri, every_byte=True) is None


OPEN = {"way": None, "shot": None, "query": None}


def test_what_is_open_is_fitted_and_frozen_as_it_was_fitted(inputs, tmp_path):
    """Train, val and test have 10, 5 and 6 classes of 8 images; six test classes have two episodes of three classes."""
    episodes = generate(inputs, tmp_path, train=OPEN, evaluation=OPEN)
    for split in ("val", "test"):
        spec = json.loads(episodes.get_string_custom_property(f"spec_{split}"))
        assert (spec["way"], spec["shot"], spec["query"]) == (3, 1, 7)
        assert {(e.way, e.shot, len(e.query.rows)) for e in read_frozen(split_of(episodes, split))} == {(3, 1, 21)}
    found = json.loads((Path(episodes.uri) / "classes.json").read_text())
    assert [(one["split"], one["episodes"], one["query"], one["fitted"]) for one in found] == [
        ("train", "10-way 1-shot", 5, ["way", "shot", "query"]),
        ("val", "3-way 1-shot", 7, ["way", "shot", "query"]),
        ("test", "3-way 1-shot", 7, ["way", "shot", "query"]),
        ("test", "2-way 3-shot", 5, []),
    ]


def of_classes(split, names):
    return [source for name, _, source, _ in artifacts.pictures_of(split) if name in names]


def test_the_images_that_are_left_decide_what_fits(tmp_path):
    """Of six test classes two have 1 and 4 images left: the episodes do without the one, and the other has 3 queries."""
    gone = of_classes("test", {"test-a/00"})[:7] + of_classes("test", {"test-a/02"})[:4]
    examples = tell(artifacts.write_examples(tmp_path / "few"), gone)
    episodes = generate(examples, tmp_path / "out", evaluation=OPEN | {"way": 5}, also=())
    spec = json.loads(episodes.get_string_custom_property("spec_test"))
    assert (spec["way"], spec["shot"], spec["query"]) == (5, 1, 3)
    found = json.loads((Path(episodes.uri) / "classes.json").read_text())[-1]
    assert found["fitted"] == ["shot", "query"]
    assert found["classes_too_small"] == [{"class_name": "test-a/00", "images": 1, "lacks": 3, "domain_lacks": 0}]


def only_test(root, left_out=()):
    """Examples of test classes only, and what ImageExampleGen says of them."""
    other = [source for split in ("train", "val") for _, _, source, _ in artifacts.pictures_of(split)]
    return tell(artifacts.write_examples(root, without=other), left_out, train=0, val=0)


def test_without_train_and_val_classes_only_test_episodes_are_frozen(tmp_path):
    missing = anomalies_of(tmp_path / "anomalies", image="Column is completely missing.")
    examples = only_test(tmp_path / "few") | {"anomalies": missing}
    episodes = generate(examples, tmp_path / "out", train=OPEN, evaluation=OPEN, also=())
    assert episodes.get_int_custom_property("val_episodes") == 0 and len(read_frozen(split_of(episodes, "test"))) == 9
    with pytest.raises(FileNotFoundError):
        read_frozen(split_of(episodes, "val"))
    for split in ("train", "val"):
        assert ImageStore.open(os.path.join(split_of(episodes, split), "store")).index.names == ()
    (entry,) = json.loads((Path(episodes.uri) / "classes.json").read_text())
    assert (entry["split"], entry["episodes"], entry["query"]) == ("test", "3-way 1-shot", 7)


def test_too_few_for_the_smallest_episode_names_what_each_class_lacks(tmp_path):
    gone = of_classes("test", {"test-b/01", "test-b/03", "test-b/05"}) + of_classes("test", {"test-a/00"})[1:]
    gone += of_classes("test", {"test-a/02"})[1:] + of_classes("test", {"test-a/04"})[2:]
    with pytest.raises(ValueError) as error:
        generate(only_test(tmp_path / "few", gone), tmp_path / "out", train=OPEN, evaluation=OPEN, also=())
    said = "split 'test': episodes of 2-way 1-shot with 1 query image need 2 classes of at least 2 images each, but only 1 of 6"
    assert str(error.value).startswith(said)
    assert str(error.value).endswith(
        "add classes or images to test (test-a/00 lacks 1, test-a/02 lacks 1, test-b/01 lacks 2, test-b/03 lacks 2,"
        " test-b/05 lacks 2)"
    )
