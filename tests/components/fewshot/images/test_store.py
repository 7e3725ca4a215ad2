"""The image store: images of a draw, as they are or turned."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.episodes.episode import Draw
from components.fewshot.images.parts import write_index, write_part, write_shard
from components.fewshot.images.store import ArrayStore, ImageStore, turned


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def draw(rows: list[int], turns: list[int]) -> Draw:
    return Draw(np.array(rows), np.array(turns), np.zeros(len(rows), int))


def test_a_quarter_turn_is_counter_clockwise(tmp_path):
    entries = write_shard(str(tmp_path), 0, [("a", "a", "x", bytes([0, 1, 2, 3]))])
    write_index(str(tmp_path), [write_part(str(tmp_path), 0, entries)], 1, (2, 2, 1))
    store = ImageStore.open(str(tmp_path))
    # 0 1      1 3
    # 2 3  ->  0 2
    assert store.pixels(draw([0], [1]))[0, :, :, 0].tolist() == [[1, 3], [0, 2]]


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
