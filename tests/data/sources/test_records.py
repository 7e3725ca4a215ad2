import pytest
import tensorflow as tf

from data.listing import class_counts, fingerprint
from data.settings import ImageSetSettings
from data.sources.records import read_records, record_files, record_name, to_example


def write(path, examples, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for example in examples:
            writer.write(example)


def example(class_name, source_id="s", domain="domain"):
    return to_example(b"encoded", "PNG", (3, 4, 1), class_name, domain, source_id)


def test_an_example_worked_out_by_hand():
    feature = tf.train.Example.FromString(
        to_example(b"\x00\xff", "GIF", (3, 4, 1), "é/a", "é", "é/a/1.gif")
    ).features.feature
    values = {key: list(one.bytes_list.value or one.int64_list.value) for key, one in feature.items()}
    assert values == {
        "image/encoded": [b"\x00\xff"],
        "image/format": [b"GIF"],
        "image/height": [3],
        "image/width": [4],
        "image/channels": [1],
        "image/class/text": ["é/a".encode()],
        "image/class/domain": ["é".encode()],
        "image/source_id": ["é/a/1.gif".encode()],
    }
    assert example("a") == example("a")


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_records_are_read_gzipped_or_plain(tmp_path, compression):
    write(tmp_path / "file", [example("a/1", "one"), example("a/2", "two")], compression)
    assert list(read_records(str(tmp_path / "file"))) == [
        ("a/1", "domain", "one", b"encoded"),
        ("a/2", "domain", "two", b"encoded"),
    ]


def test_counts_come_from_the_records(tmp_path):
    write(tmp_path / "train-1", [example("a"), example("b")])
    write(tmp_path / "train-2", [example("a")])
    write(tmp_path / "test-1", [example("c")])
    named = {"train_tfrecord": str(tmp_path / "train-*"), "test_tfrecord": str(tmp_path / "test-*")}
    never = ImageSetSettings(**named, validation_split=1e-9)
    always = ImageSetSettings(**named, validation_split=1 - 1e-9)
    ab, c = [("a", "domain", 2), ("b", "domain", 1)], [("c", "domain", 1)]
    assert class_counts(never) == {"train": ab, "val": [], "test": c}
    assert class_counts(always) == {"train": [], "val": ab, "test": c}
    write(tmp_path / "val-1", [example("d")])
    given = ImageSetSettings(**named, val_tfrecord=str(tmp_path / "val-*"), validation_split=1 - 1e-9)
    assert class_counts(given) == {"train": ab, "val": [("d", "domain", 1)], "test": c}


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    """Records without a source id get one from the name of their file, which must be its own among those of the pattern."""
    bare = tf.train.Example.FromString(example("a"))
    del bare.features.feature["image/source_id"]
    for name in ("train/a/data", "train/b/data", "train/b/c/data", "test/data"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, [bare.SerializeToString()])

    def ids(train):
        settings = ImageSetSettings(train_tfrecord=train, test_tfrecord=str(tmp_path / "test" / "data"))
        found = [(split, file) for split, files in record_files(settings).items() for file in files]
        return [
            one.source_id for split, file in found for one in read_records(file, record_name(settings, split, file))
        ]

    assert ids(f"{tmp_path}/train/*/data") == ["a/data:0", "b/data:0", "data:0"]
    assert ids(f"{tmp_path}/tr*/b/*/data") == ["train/b/c/data:0", "data:0"]
    assert ids(f"{tmp_path}/train/a/d*") == ["data:0", "data:0"]
    assert ids(f"{tmp_path}/train/[ab]/data") == ["a/data:0", "b/data:0", "data:0"]


def test_a_file_whose_path_reads_like_a_pattern(tmp_path):
    (tmp_path / "run [v2]").mkdir()
    for name in ("train", "test"):
        write(tmp_path / "run [v2]" / name, [example(name)])
    named = {f"{side}_tfrecord": f"{tmp_path}/run [v2]/{side}" for side in ("train", "test")}
    settings = ImageSetSettings(**named, validation_split=1e-9)
    assert record_files(settings) == {side: [named[f"{side}_tfrecord"]] for side in ("train", "test")}
    assert record_name(settings, "train", named["train_tfrecord"]) == "train"


@pytest.mark.parametrize(("link", "sides"), [("test", ("train", "test")), ("train-3", ("train", "train"))])
def test_one_file_by_two_names(tmp_path, link, sides):
    write(tmp_path / "train-1", [example("a")])
    write(tmp_path / "test-1", [example("b")])
    (tmp_path / f"{link}-2").symlink_to(tmp_path / "train-1")
    settings = ImageSetSettings(train_tfrecord=f"{tmp_path}/train-*", test_tfrecord=f"{tmp_path}/test-*")
    said = rf"{sides[0]}_tfrecord '.*/train-1' and {sides[1]}_tfrecord '.*/{link}-2' hold the same file"
    with pytest.raises(ValueError, match=said):
        record_files(settings)


def test_a_class_has_one_domain(tmp_path):
    write(tmp_path / "train-1", [example("oak"), example("ash")])
    write(tmp_path / "train-2", [example("oak", domain="bark"), example("oak"), example("yew")])
    write(tmp_path / "test", [example("yew", domain="bark")])
    settings = ImageSetSettings(train_tfrecord=str(tmp_path / "train-*"), test_tfrecord=str(tmp_path / "test"))
    with pytest.raises(ValueError) as error:
        class_counts(settings)
    assert str(error.value) == (
        f"class 'oak' has several domains, 'bark' in {tmp_path}/train-2, 'domain' in {tmp_path}/train-1; expected one for all"
        " images of a class (2 classes have several): give them the same image/class/domain, or each domain a class of its"
        " own name in image/class/text"
    )


def test_the_fingerprint_follows_the_files(tmp_path):
    write(tmp_path / "train", [example("a")])
    write(tmp_path / "test", [example("c")])
    settings = ImageSetSettings(train_tfrecord=str(tmp_path / "train*"), test_tfrecord=str(tmp_path / "test"))
    before = fingerprint(settings)
    assert fingerprint(settings) == before
    write(tmp_path / "train-more", [example("b")])
    assert fingerprint(settings) != before


def test_a_pattern_that_matches_nothing(tmp_path):
    write(tmp_path / "train", [example("a")])
    settings = ImageSetSettings(train_tfrecord=str(tmp_path / "train"), test_tfrecord=str(tmp_path / "tset*"))
    with pytest.raises(ValueError, match=r"test_tfrecord = .*tset\*' matches no file: correct the pattern"):
        record_files(settings)


def test_files_that_hold_something_else(tmp_path):
    write(tmp_path / "other", [example("a"), tf.train.Example().SerializeToString()])
    with pytest.raises(ValueError, match="record 1 of .*other' cannot be read .it has no image/encoded"):
        list(read_records(str(tmp_path / "other")))
    (tmp_path / "text").write_text("no records at all, but enough bytes for a header")
    with pytest.raises(
        ValueError, match=r"record 0 of .*text' cannot be read .*expected tf.Examples with image/encoded"
    ):
        list(read_records(str(tmp_path / "text")))
    write(tmp_path / "noise", [b"\xff\xff\xff"])
    with pytest.raises(ValueError, match="record 0 of .*noise' cannot be read"):
        list(read_records(str(tmp_path / "noise")))
