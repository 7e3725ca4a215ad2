"""The executor with real images, real artifacts and a real (in-process) Beam runner."""

import io
import json
import os
import random
import uuid

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.fewshot.integrity import Incomplete, damage, is_sealed
from components.image_example_gen import executor, ingest
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.executor import Executor
from data.keys import CLASS, DOMAIN, SOURCE_ID
from data.settings import ImageSetSettings
from data.sources.records import to_example
from tests.components import artifacts


def picture(seed, kind="PNG", size=(6, 5)):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def roots(tmp_path):
    """train: 3 classes of 4 images, val: 1 of 4, test: 2 of 4."""
    seed = 0
    for split, classes in (("train", ("A/a", "A/b", "B 'q'/日本")), ("val", ("C/c",)), ("test", ("D/d", "D/e"))):
        for name in classes:
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                seed += 1
                (folder / f"{number}.png").write_bytes(picture(seed))
    return tmp_path / "images"


def settings_for(roots, **more):
    return ImageSetSettings(
        train_dir=str(roots / "train"), val_dir=str(roots / "val"), test_dir=str(roots / "test"), **more
    )


def run(settings, root, *beam_args):
    """Runs the executor as the component sets it up; returns its output folder."""
    examples = standard_artifacts.Examples()
    examples.uri = str(root / "ImageExampleGen" / "examples" / "1")
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=[*artifacts.HERE, *beam_args])
    properties = dict(ImageExampleGen(settings, "some").exec_properties)
    Executor(context).Do({}, {"examples": [examples]}, properties)
    assert json.loads(examples.split_names) == ["train", "val", "test"]
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    return root / "ImageExampleGen" / "examples" / "1"


def examples_of(output, split):
    files = sorted(str(path) for path in (output / f"Split-{split}").iterdir())
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(record).features.feature for record in records]


def text(feature, key):
    return feature[key].bytes_list.value[0].decode()


def contents(output):
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()}


def test_every_image_becomes_an_example_of_its_split(roots, tmp_path):
    output = run(settings_for(roots), tmp_path)
    train = examples_of(output, "train")
    assert [text(one, SOURCE_ID) for one in train] == [
        f"{name}/{number}.png" for name in ("A/a", "A/b", "B 'q'/日本") for number in range(4)
    ]
    assert {text(one, DOMAIN) for one in train} == {"A", "B 'q'"}
    assert {text(one, CLASS) for one in examples_of(output, "val")} == {"C/c"}
    assert len(examples_of(output, "test")) == 8
    summary = json.loads((output / "summary.json").read_text())
    assert {split: one["images"] for split, one in summary["splits"].items()} == {"train": 12, "val": 4, "test": 8}
    assert json.loads((output / "rejected.json").read_text()) == []
    assert not (output / "work").exists()


def test_the_same_bytes_with_any_number_of_workers_in_any_order(roots, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "CHUNK_IMAGES", 3)
    expected = contents(run(settings_for(roots), tmp_path / "one"))
    assert sum(name.startswith("Split-train") for name in expected) == 4
    original = ingest.chunks_of

    def shuffled(splits):
        chunks = original(splits)
        random.Random(1).shuffle(chunks)
        return chunks

    monkeypatch.setattr("components.image_example_gen.executor.chunks_of", shuffled)
    workers = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert contents(run(settings_for(roots), tmp_path / "two", *workers)) == expected


def test_few_bad_files_are_set_aside_and_named(roots, tmp_path):
    (roots / "train" / "A" / "a" / "0.png").write_bytes(b"")
    (roots / "train" / "stray.png").write_bytes(picture(99))
    output = run(settings_for(roots, max_reject_fraction=0.1), tmp_path)
    assert json.loads((output / "rejected.json").read_text()) == [
        {"path": str(roots / "train" / "A" / "a" / "0.png"), "reason": "the file is empty (0 bytes)"},
        {"path": str(roots / "train" / "stray.png"), "reason": "lies directly in the root, in no class folder"},
    ]
    assert json.loads((output / "summary.json").read_text())["rejected"] == 2
    assert len(examples_of(output, "train")) == 11


def test_what_is_passed_over_is_counted_and_names_alike_are_told(roots, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(executor.logging, "warning", lambda form, *values: warnings.append(form % values))
    for name in ("train/notes/README.md", "train/A/a/@eaDir/0.png/thumb.jpg", "test/D/d/._0.png", "test/D/d/._1.png"):
        (roots / name).parent.mkdir(parents=True, exist_ok=True)
        (roots / name).write_bytes(b"text")
    (roots / "val" / "C" / "empty").mkdir()
    (roots / "train" / "A" / "B").mkdir()
    (roots / "train" / "A" / "B" / "0").write_bytes(picture(99))  # its content makes it a class
    summary = json.loads((run(settings_for(roots, max_reject_fraction=0), tmp_path) / "summary.json").read_text())
    places = {"test/D/d/._*": 2, "train/A/a/@eaDir": 1, "train/notes": 1, "val/C/empty": 0}
    assert summary["passed_over"] == {f"{roots}/{place}": count for place, count in places.items()}
    assert summary["differ_by_case"] == [["A/B", "A/b"]] and summary["splits"]["train"]["classes"] == 4
    assert warnings == [
        "4 file(s) in 4 place(s) were passed over, because no class or only litter is there: see summary.json",
        "the classes 'A/B', 'A/b' differ by case only",
    ]


def test_a_class_of_which_no_name_can_be_read_is_told(roots, tmp_path):
    folder = roots / "train" / "A" / "gone"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/\xe9.png", "wb") as file:
        file.write(picture(99))
    output = run(settings_for(roots, max_reject_fraction=0.1), tmp_path)
    assert json.loads((output / "summary.json").read_text())["splits"]["train"]["empty_classes"] == ["A/gone"]
    assert json.loads((output / "rejected.json").read_text()) == [
        {"path": f"{folder}/\\udce9.png", "reason": "the name is not UTF-8"}
    ]


def test_records_of_one_file_name_in_several_folders(tmp_path):
    for number, name in enumerate(("train/a", "train/b", "test/a", "test/b")):
        folder = tmp_path / "records" / name
        folder.mkdir(parents=True)
        example = tf.train.Example()
        example.features.feature["image/encoded"].bytes_list.value.append(picture(number))
        example.features.feature[CLASS].bytes_list.value.append(name.encode())
        with tf.io.TFRecordWriter(str(folder / "data.tfrecord")) as writer:
            writer.write(example.SerializeToString())
    named = {f"{side}_tfrecord": f"{tmp_path}/records/{side}/*/data.tfrecord" for side in ("train", "test")}
    output = run(ImageSetSettings(**named, validation_split=1e-9), tmp_path)
    for side in ("train", "test"):
        assert [text(one, SOURCE_ID) for one in examples_of(output, side)] == ["a/data.tfrecord:0", "b/data.tfrecord:0"]


def test_many_bad_files_end_the_run_and_their_list_outlives_it(roots, tmp_path):
    for number in range(2):
        (roots / "train" / "A" / "a" / f"{number}.png").write_bytes(b"")
    lasting = tmp_path / "ImageExampleGen" / "rejected.json"
    with pytest.raises(
        ValueError, match=r"2 of 24 files \(8.3%\) cannot be used, and max_reject_fraction = 0.05"
    ) as error:
        run(settings_for(roots), tmp_path)
    assert str(lasting) in str(error.value)
    assert [one["reason"] for one in json.loads(lasting.read_text())] == ["the file is empty (0 bytes)"] * 2


def test_a_class_with_one_image_is_read(roots, tmp_path):
    (roots / "train" / "lonely").mkdir()
    (roots / "train" / "lonely" / "1.png").write_bytes(picture(99))
    summary = json.loads((run(settings_for(roots), tmp_path) / "summary.json").read_text())
    assert summary["splits"]["train"]["smallest_class"] == ["lonely", 1]


def test_the_same_image_on_two_sides_is_reported_though_re_encoded(roots, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(executor.logging, "warning", lambda form, *values: warnings.append(form % values))
    (roots / "test" / "D" / "d" / "copy.bmp").write_bytes(picture(1, "BMP"))
    output = run(settings_for(roots), tmp_path)
    summary = json.loads((output / "summary.json").read_text())
    paths = [str(roots / "train" / "A/a/0.png"), str(roots / "test" / "D/d/copy.bmp")]
    assert summary["leaks"] == [paths]
    assert summary["leak_count"] == 1
    assert warnings == [
        f"1 image(s) are in more than one split, such as {paths[0]!r} and {paths[1]!r}: accuracy will be too high"
    ]
    assert len(examples_of(output, "test")) == 9


def test_the_same_class_on_two_sides_ends_the_run(roots, tmp_path):
    (roots / "test" / "A" / "b").mkdir(parents=True)
    (roots / "test" / "A" / "b" / "1.png").write_bytes(picture(99))
    with pytest.raises(ValueError, match=r"1 class stands in both train and test \('A/b'\)"):
        run(settings_for(roots), tmp_path)


@pytest.fixture
def duplicated(roots):
    """`roots` with D/d of three copies more, one of them re-encoded, and a picture in both D/d and D/e."""
    folder = roots / "test" / "D"
    for name in ("8.png", "9.png"):
        (folder / "d" / name).write_bytes((folder / "d" / "0.png").read_bytes())
    Image.open(folder / "d" / "1.png").save(folder / "d" / "7.bmp")
    for name in ("d", "e"):
        (folder / name / "both.png").write_bytes(picture(777))
    return roots


def test_duplicates_are_written_counted_and_listed(duplicated, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(executor.logging, "warning", lambda form, *values: warnings.append(form % values))
    output = run(settings_for(duplicated, max_reject_fraction=0), tmp_path)
    folder = duplicated / "test" / "D"
    test = [text(one, SOURCE_ID) for one in examples_of(output, "test")]
    files = {"d": ["0.png", "1.png", "2.png", "3.png", "7.bmp", "8.png", "9.png"], "e": [f"{i}.png" for i in range(4)]}
    assert test == [f"D/{name}/{file}" for name in "de" for file in (*files[name], "both.png")]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["duplicates"] == {"within_class": 3, "across_classes": 2, "across_splits": 0}
    assert summary["splits"]["test"]["images"] == 13 and summary["rejected"] == 0
    assert summary["splits"]["test"]["duplicates"] == {"within_class": 3, "across_classes": 2}
    assert summary["formats"] == {"BMP": 1, "PNG": 28}
    listed = json.loads((output / "duplicates.json").read_text())
    assert [[one["path"] for one in files if one["takes_part"]] for files in listed] == [
        [str(folder / "d" / "0.png")],
        [str(folder / "d" / "1.png")],
        [],
    ]
    assert [one["path"] for one in listed[2]] == [str(folder / name / "both.png") for name in "de"]
    assert [one["path"] for one in listed[0]] == [str(folder / "d" / name) for name in ("0.png", "8.png", "9.png")]
    assert json.loads((output / "rejected.json").read_text()) == []
    (warning,) = warnings
    assert warning.startswith("3 file(s) repeat a picture of their class, and 2 show") and "duplicates.json" in warning


def test_duplicates_in_other_chunks_with_any_number_of_workers(duplicated, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "CHUNK_IMAGES", 2)
    expected = contents(run(settings_for(duplicated), tmp_path / "one"))
    assert json.loads(expected["summary.json"])["duplicates"]["within_class"] == 3
    assert not [name for name in expected if "unfinished" in name]
    workers = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert contents(run(settings_for(duplicated), tmp_path / "two", *workers)) == expected


@pytest.fixture
def records(tmp_path):
    """train: two files, 40 classes of one image each; test: one plain file with one class, without source ids."""
    folder = tmp_path / "records"
    folder.mkdir()
    for part in range(2):
        with tf.io.TFRecordWriter(str(folder / f"train-{part}.gz"), "GZIP") as writer:
            for number in range(part * 20, part * 20 + 20):
                example = to_example(picture(number), "PNG", (6, 5, 3), f"c{number}", "own domain", f"s{number}.png")
                writer.write(example)
    with tf.io.TFRecordWriter(str(folder / "test")) as writer:
        for number in range(2):
            example = tf.train.Example()
            example.features.feature["image/encoded"].bytes_list.value.append(picture(100 + number))
            example.features.feature[CLASS].bytes_list.value.append(b"D/d")
            writer.write(example.SerializeToString())
    return folder


def record_settings(records, **more):
    return ImageSetSettings(
        train_tfrecord=str(records / "train-*"), test_tfrecord=str(records / "test"), validation_split=0.3, **more
    )


def test_tfrecords_are_read_and_divided_by_class(records, tmp_path):
    output = run(record_settings(records), tmp_path)
    train, val, test = (examples_of(output, split) for split in ("train", "val", "test"))
    assert {text(one, SOURCE_ID) for one in train + val} == {f"s{number}.png" for number in range(40)}
    assert 0 < len(val) < 20
    assert {text(one, DOMAIN) for one in train} == {"own domain"}
    assert [(text(one, SOURCE_ID), text(one, DOMAIN)) for one in test] == [("test:0", "D"), ("test:1", "D")]


def test_a_class_of_several_domains_ends_the_run(records, tmp_path):
    with tf.io.TFRecordWriter(str(records / "test")) as writer:
        for number, (name, domain) in enumerate((("oak", "leaf"), ("oak", "bark"), ("oak", "leaf"), ("elm", "leaf"))):
            writer.write(to_example(picture(100 + number), "PNG", (6, 5, 3), name, domain, f"{number}.png"))
    path = records / "test"
    with pytest.raises(ValueError) as error:
        run(record_settings(records), tmp_path)
    assert str(error.value) == (
        f"class 'oak' has several domains, 'bark' in {path}:1.png, 'leaf' in {path}:0.png; expected one for all images of a"
        " class: give them the same image/class/domain, or each domain a class of its own name in image/class/text"
    )


def test_tfrecords_with_a_class_on_two_sides(records, tmp_path):
    with tf.io.TFRecordWriter(str(records / "test")) as writer:
        writer.write(to_example(picture(1), "PNG", (6, 5, 3), "c1", "own domain", "s1.png"))
    with pytest.raises(ValueError, match=r"1 class stands in both \w+ and test \('c1'\)"):
        run(record_settings(records), tmp_path)


def test_settings_reach_the_executor_as_they_are(roots):
    settings = settings_for(roots, max_reject_fraction=0.5)
    properties = ImageExampleGen(settings, "f").exec_properties
    assert ImageSetSettings.model_validate_json(properties["settings"]) == settings


def test_a_changed_image_or_setting_is_another_cache_key(roots):
    def key(settings, fingerprint):
        return ImageExampleGen(settings, fingerprint).exec_properties

    first = key(settings_for(roots), "one")
    assert key(settings_for(roots), "one") == first
    assert key(settings_for(roots), "two") != first
    assert key(settings_for(roots, max_pixels=100), "one") != first


def test_images_on_another_file_system(roots, tmp_path):
    remote = f"ram://{uuid.uuid4().hex}"
    for path in sorted(roots.rglob("*.png")):
        target = f"{remote}/{path.relative_to(roots)}"
        tf.io.gfile.makedirs(target.rsplit("/", 1)[0])
        tf.io.gfile.copy(str(path), target)
    settings = ImageSetSettings(**{f"{split}_dir": f"{remote}/{split}" for split in ("train", "val", "test")})
    local, elsewhere = run(settings_for(roots), tmp_path / "local"), run(settings, tmp_path / "elsewhere")
    for split in ("train", "val", "test"):
        assert examples_of(local, split) == examples_of(elsewhere, split)


def test_an_image_that_beam_loses_is_missed(roots, tmp_path, monkeypatch):
    """A chunk of which nothing is known, and one of which an image is not."""
    process = executor._Ingest.process
    monkeypatch.setattr(executor._Ingest, "process", lambda self, number: process(self, number) if number else ())
    with pytest.raises(Incomplete, match=r"^chunk 0 of 3 \(12 files\): 0 images were read or set aside$"):
        run(settings_for(roots), tmp_path)
    monkeypatch.undo()
    ingest_all = executor.ingest
    monkeypatch.setattr(executor, "ingest", lambda *args: ingest_all(*args)[1:])
    with pytest.raises(Incomplete, match=r"^chunk 0 of 3 \(12 files\): 11 images were read or set aside$"):
        run(settings_for(roots), tmp_path / "again")


def test_what_it_writes_is_sealed(roots, tmp_path):
    written = str(run(settings_for(roots), tmp_path))
    assert is_sealed(written) and damage(written, every_byte=True) is None
