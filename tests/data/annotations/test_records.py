"""tf.Examples of images with boxes."""

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from data import keys
from data.annotations.objects import Box
from data.annotations.placing import placed
from data.annotations.records import read_scene_records, scene_of, to_scene_example

BOXES = [Box("traffic light", 0, 0.25, 0.5, 1), Box("é", 0.5, 0.5, 0.75, 0.75, True)]


def example(**lists) -> bytes:
    """A tf.Example of lists by key, where a key has its last part only."""
    names = {
        key.rpartition("/")[2]: key for key in vars(keys).values() if isinstance(key, str) and key.startswith("image/")
    }
    names |= {"text": keys.OBJECT_CLASS, "label": keys.OBJECT_LABEL}
    feature = {}
    for name, values in {"encoded": [b"x"], **lists}.items():
        kinds = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
        kind = kinds[type(values[0])] if values else "float_list"
        feature[names[name]] = tf.train.Feature(**{kind: {"value": values}})
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def corners(*edges: tuple[float, float, float, float]) -> dict[str, list[float]]:
    return dict(zip(("ymin", "xmin", "ymax", "xmax"), map(list, zip(*edges, strict=True)), strict=True))


def test_an_example_worked_out_by_hand():
    serialised = to_scene_example(b"\x00\xff", "JPEG", (20, 40, 3), BOXES, "é/1.jpg")
    feature = tf.train.Example.FromString(serialised).features.feature
    values = {
        key: list(one.bytes_list.value or one.float_list.value or one.int64_list.value) for key, one in feature.items()
    }
    assert values == {
        "image/encoded": [b"\x00\xff"],
        "image/format": [b"JPEG"],
        "image/height": [20],
        "image/width": [40],
        "image/channels": [3],
        "image/source_id": ["é/1.jpg".encode()],
        "image/filename": ["é/1.jpg".encode()],
        "image/object/bbox/ymin": [0, 0.5],
        "image/object/bbox/xmin": [0.25, 0.5],
        "image/object/bbox/ymax": [0.5, 0.75],
        "image/object/bbox/xmax": [1, 0.75],
        "image/object/class/text": [b"traffic light", "é".encode()],
        "image/object/is_crowd": [0, 1],
        "image/object/stranger": [0, 0],
    }
    assert serialised == to_scene_example(b"\x00\xff", "JPEG", (20, 40, 3), BOXES, "é/1.jpg")


side = st.floats(0, 1, width=32)
box = st.builds(
    lambda name, ys, xs, ignored: Box(name, min(ys), min(xs), max(ys), max(xs), ignored),
    st.text(st.characters(categories=["L"]), min_size=1).map(lambda name: " ".join(name.split())),
    st.tuples(side, side).filter(lambda two: abs(two[0] - two[1]) > 0.1),
    st.tuples(side, side).filter(lambda two: abs(two[0] - two[1]) > 0.1),
    st.booleans(),
)


@given(st.lists(box, max_size=4, unique=True))
def test_what_is_written_is_read(boxes):
    boxes = [one._replace(class_name=f"c{number}") for number, one in enumerate(boxes)]
    record = scene_of(to_scene_example(b"x", "PNG", (20, 40, 1), boxes, "a.png"), "f", "f:0")
    assert record.source_id == "a.png" and record.encoded == b"x"
    for orientation in (1, 6):  # edges are of the picture as seen: nothing turns them
        assert placed(record.told, 20, 40, orientation).boxes == boxes


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_records_are_read_gzipped_or_plain(tmp_path, compression):
    path = str(tmp_path / "scenes")
    with tf.io.TFRecordWriter(path, compression) as writer:
        writer.write(to_scene_example(b"x", "PNG", (20, 40, 1), BOXES, "a.png"))
        writer.write(example())
    first, second = read_scene_records(path)
    assert len(first.told.objects) == 2 and first.told.path == path
    assert second.source_id == "scenes:1" and second.told.objects == () and not second.told.reason


ONE = (0.25, 0.25, 0.75, 0.75)


@pytest.mark.parametrize(
    ("lists", "objects", "said"),
    [
        ({"text": [b"cat"], **corners(ONE)}, ["cat"], ""),
        ({"label": [3], **corners(ONE)}, ["3"], ""),
        ({"text": [b"cat"], "label": [3], **corners(ONE)}, ["cat"], ""),
        ({"text": [b"cat"], "difficult": [1], **corners(ONE)}, ["cat*"], ""),
        ({"text": [b"cat"], "is_crowd": [1], "difficult": [0], **corners(ONE)}, ["cat*"], ""),
        ({"text": [b"cat"], "is_crowd": [], **corners(ONE)}, ["cat"], ""),
        ({"text": [b"\xff"], **corners(ONE)}, ["\ufffd"], ""),
        (
            {"text": [b"cat", b""], **corners(ONE, ONE)},
            ["cat"],
            "has no class: expected a name in image/object/class/text",
        ),
        ({"text": [b"cat", b"cat"], **corners(ONE, ONE)}, ["cat"], "is the same box of the same class as object 1"),
        ({"text": [b"cat", b"dog"], **corners(ONE, (0.5, 0.5, 0.5, 0.9))}, ["cat"], "has a box without any area"),
        ({"text": [b"cat", b"dog"], **corners(ONE, (0.9, 0.5, 0.5, 0.9))}, ["cat"], "minimum and maximum interchanged"),
        (
            {"text": [b"cat", b"dog"], **corners(ONE, (5.0, 5.0, 9.0, 9.0))},
            ["cat"],
            "has an edge at 5.0: expected shares",
        ),
        ({"text": [b"cat", b"dog"], **corners(ONE, (float("nan"), 0.0, 1.0, 1.0))}, ["cat"], "has an edge at nan"),
        ({"text": [b"cat", b"dog"], **corners(ONE)}, [], "holds 2 classes, 1 image/object/bbox/ymin"),
        ({"text": [b"cat"], "is_crowd": [0, 1], **corners(ONE)}, [], "expected as many of each"),
        ({"text": [b"cat"], "xmin": [0.5]}, [], "holds 1 classes, 0 image/object/bbox/ymin, 1 image/object/bbox/xmin"),
        ({"encoded": [b""], "text": [b"cat"], **corners(ONE)}, ["cat"], "has no image/encoded: expected the content"),
        ({"encoded": [3], "text": [b"cat"], **corners(ONE)}, ["cat"], "has no image/encoded"),
    ],
)
def test_faults_are_read_right_or_set_aside(lists, objects, said):
    told = scene_of(example(**lists), "f", "f:0").told
    assert [one.class_name + "*" * one.ignored for one in told.objects] == objects
    assert said in " ".join([told.reason, *(one.reason for one in told.unfit)])
    assert bool(said) == bool(told.reason or told.unfit)


def test_a_damaged_file_is_an_error(tmp_path):
    (tmp_path / "scenes").write_bytes(b"not a TFRecord at all, but a text")
    with pytest.raises(ValueError, match=r"record 0 of '.*scenes' cannot be read \(.*\): expected tf.Examples"):
        list(read_scene_records(str(tmp_path / "scenes")))
