"""The image store: what goes in comes out, whatever the shards."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.store import ArrayStore, ImageStore, turned, write_index, write_shard
from components.fewshot.integrity import Damaged


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def draw(rows: list[int], turns: list[int]) -> Draw:
    return Draw(np.array(rows), np.array(turns), np.zeros(len(rows), int))


def pixels_of(row: int) -> np.ndarray:
    return np.array([[[row], [1]], [[2], [3]]], np.uint8)  # 2 x 2 x 1


RECORDS = [("b", "b", "y", 2), ("a", "a", "x", 0), ("b", "b", "z", 3), ("a", "a", "y", 1)]


def write(directory: str, records: list, shards: int) -> ImageStore:
    entries = []
    for shard in range(shards):
        images = [(c, d, s, pixels_of(row).tobytes()) for c, d, s, row in records[shard::shards]]
        entries += list(write_shard(directory, f"shard-{shard}.bin", images))
    write_index(directory, entries, (2, 2, 1))
    return ImageStore.open(directory)


@pytest.mark.parametrize("shards", [1, 3])
def test_rows_are_sorted_by_class_then_source(tmp_path, shards):
    store = write(str(tmp_path / "store"), RECORDS, shards)
    assert store.index.names == ("a", "b") and store.index.starts.tolist() == [0, 2, 4]
    assert store.source_ids == ["x", "y", "y", "z"]
    assert store.pixels(draw([0, 1, 2, 3], [0, 0, 0, 0]))[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_a_quarter_turn_is_counter_clockwise(tmp_path):
    store = write(str(tmp_path / "store"), RECORDS, 1)
    # 0 1      1 3
    # 2 3  ->  0 2
    assert store.pixels(draw([0], [1]))[0, :, :, 0].tolist() == [[1, 3], [0, 2]]


def test_the_fingerprint_is_of_content(tmp_path):
    one = write(str(tmp_path / "one"), RECORDS, 1)
    assert write(str(tmp_path / "shuffled"), RECORDS[::-1], 3).fingerprint == one.fingerprint
    other = [*RECORDS[:3], ("a", "a", "y", 9)]
    assert write(str(tmp_path / "other"), other, 1).fingerprint != one.fingerprint


def test_one_source_id_twice(tmp_path):
    with pytest.raises(ValueError, match="two images of class 'a' have the source id 'x'"):
        write(str(tmp_path / "store"), [*RECORDS, ("a", "a", "x", 7)], 1)


@pytest.mark.parametrize("domains", ["yxx", "yyx", "xy"])
def test_one_name_is_one_class_whatever_its_domains(tmp_path, domains):
    """Rows are grouped by name alone; the domain is that of the first."""
    records = [("oak", domain, f"{row}.png", row) for row, domain in enumerate(domains)]
    store = write(str(tmp_path / "store"), [*records, ("ash", "y", "0.png", 9)], 2)
    assert store.index.names == ("ash", "oak") and store.index.domains == ("y", domains[0])
    assert store.index.starts.tolist() == [0, 1, 1 + len(domains)]
    assert store.source_ids == ["0.png", *(f"{row}.png" for row in range(len(domains)))], "by source id alone"
    values = store.pixels(draw(list(range(1 + len(domains))), [0] * (1 + len(domains))))[:, 0, 0, 0]
    assert values.tolist() == [9, *range(len(domains))]


def test_one_source_id_in_two_domains(tmp_path):
    with pytest.raises(ValueError, match="two images of class 'a' have the source id 'x'"):
        write(str(tmp_path / "store"), [*RECORDS, ("a", "other", "x", 7)], 1)


def test_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image store at"):
        ImageStore.open(str(tmp_path))


def test_files_are_read_as_they_are_and_turned_ones_as_png(tmp_path):
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    (tmp_path / "1.png").write_bytes(png(picture))
    store = ImageStore.from_files({"k": [("1.png", str(tmp_path / "1.png"))]})
    plain, quarter, again = store.encoded(draw([0, 0, 0], [0, 1, 1]))
    assert plain == (tmp_path / "1.png").read_bytes() and quarter == again
    np.testing.assert_array_equal(tf.io.decode_image(quarter).numpy()[..., 0], np.rot90(picture))
    with pytest.raises(ValueError, match="encoded"):
        store.pixels(draw([0], [0]))


def test_turned_files_are_the_same_however_many_are_asked_for(tmp_path, monkeypatch):
    pixels = np.random.default_rng(1).integers(0, 255, (3, 4, 6, 3), np.uint8)
    files = []
    for number, image in enumerate(pixels):
        (tmp_path / f"{number}.png").write_bytes(tf.io.encode_png(image).numpy())
        files.append((f"{number}.png", str(tmp_path / f"{number}.png")))
    rows, turns = [2, 0, 0, 1, 0, 2], [1, 3, 0, 2, 3, 0]
    together = ImageStore.from_files({"a": files}).encoded(draw(rows, turns))
    single = [
        ImageStore.from_files({"a": files}).encoded(draw([row], [turn]))[0]
        for row, turn in zip(rows, turns, strict=True)
    ]
    assert together == single
    for row, turn, content in zip(rows, turns, together, strict=True):
        np.testing.assert_array_equal(tf.io.decode_png(content), np.rot90(pixels[row], turn))
    store = ImageStore.from_files({"a": files})
    store.encoded(draw(rows, turns))
    monkeypatch.setattr("components.fewshot.images.store._png", None)  # what was turned is kept
    assert store.encoded(draw(rows, turns)) == together


def test_arrays():
    images = np.stack([np.full((2, 2, 1), i, np.uint8) for i in range(4)])
    store = ArrayStore(images, np.array(["b", "a", "b", "a"]))
    assert store.index.names == ("a", "b")
    assert store.pixels(draw([0, 1, 2, 3], [0, 1, 2, 3]))[:, 0, 0, 0].tolist() == [1, 3, 0, 2]
    with pytest.raises(ValueError, match="as many labels as images"):
        ArrayStore(images, np.zeros(3))
    with pytest.raises(ValueError, match=r"\[N, H, W, C\]"):
        ArrayStore(images[..., 0], np.zeros(4))


def test_turned_and_turned_back():
    images = np.random.default_rng(0).integers(0, 255, (4, 5, 5, 3), np.uint8)
    turns = np.array([0, 1, 2, 3])
    np.testing.assert_array_equal(turned(turned(images, turns), -turns), images)


@pytest.mark.parametrize("place", range(16))
def test_an_image_with_another_byte_is_never_shown(tmp_path, place):
    """There are four images of four bytes; the other three are as they were."""
    directory = tmp_path / "store"
    write(str(directory), RECORDS, 1)
    flip(directory / "shard-0.bin", place)
    store = ImageStore.open(str(directory))
    # In the shard: row 2, 0, 3, 1 (the records as they were given, whose last number is the row).
    damaged = RECORDS[place // 4][3]
    for row in {0, 1, 2, 3} - {damaged}:
        assert store.pixels(draw([row], [0]))[0].tolist() == pixels_of(row).tolist()
    with pytest.raises(
        Damaged, match=r"store is damaged \(shard-0.bin has other bytes than were written for '[xyz]'\)"
    ):
        store.pixels(draw([damaged], [0]))


def test_another_byte_in_the_layout_is_found_when_it_is_opened(tmp_path):
    directory = tmp_path / "store"
    write(str(directory), RECORDS, 2)
    size = (directory / "layout.npy").stat().st_size
    for place in (0, 100, 130, size - 32, size - 8, size - 1):
        flip(directory / "layout.npy", place)
        with pytest.raises(Damaged, match="layout.npy has other bytes than were written"):
            ImageStore.open(str(directory))
        flip(directory / "layout.npy", place)
    ImageStore.open(str(directory))


def flip(path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
