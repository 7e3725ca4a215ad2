"""A folder as arrays: the pixels of the pipeline, and nothing lost without a word."""

import numpy as np
import pytest
from PIL import Image

from components.fewshot.model import MetaLearningModel
from pipeline.notebook import read_folder, read_scenes
from tests import pictures
from tests.data.annotations.written import box, coco, image, write
from tests.encoded import saved


def test_a_folder_becomes_arrays(tmp_path):
    for name, colour in (("ash", (200, 10, 20)), ("oak", (10, 200, 20))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (9, 7), colour).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "oak" / "bad.png").write_bytes(b"")
    found = read_folder(str(tmp_path / "photos"), (4, 5, 3))
    assert found.images.shape == (4, 4, 5, 3) and found.images.dtype == np.uint8
    assert found.labels.tolist() == ["ash", "ash", "oak", "oak"]
    assert (found.images[0] == (200, 10, 20)).all() and (found.images[3] == (10, 200, 20)).all()
    assert [one.reason for one in found.set_aside] == ["the file is empty (0 bytes)"]


def test_no_such_folder(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        read_folder(str(tmp_path / "nowhere"))


def test_a_folder_with_boxes_becomes_arrays(tmp_path):
    """One picture of two objects and an object outside it, a wide one with nothing, one that is damaged, one unannotated."""
    small, wide = np.full((20, 40), 90, np.uint8), np.full((30, 120, 3), 7, np.uint8)
    images = [image(1, "a.png", 40, 20), image(2, "b.png", 120, 30), image(3, "c.png", 40, 20)]
    objects = [box(10, 5, 20, 10), box(0, 0, 4, 4, iscrowd=1), box(50, 0, 9, 9), box(0, 0, 9, 9, image_id=3)]
    files = {"a.png": saved(small, "PNG"), "b.png": saved(wide, "PNG"), "c.png": b"", "d.png": saved(small, "PNG")}
    write(tmp_path / "scenes", files | {"set.json": coco(*objects, images=images)})
    found = read_scenes(str(tmp_path / "scenes"), longest=60)
    assert [one.shape for one in found.images] == [(20, 40, 1), (15, 60, 3)]
    assert (found.images[0] == 90).all() and (found.images[1] == 7).all()
    assert found.boxes[0].tolist() == np.float32([[0.25, 0.25, 0.75, 0.75], [0, 0, 0.2, 0.1]]).tolist()
    assert found.boxes[1].shape == (0, 4) and found.labels == [["cat", None], []]
    aside = {one.path.rsplit("/", 1)[1]: one.reason for one in found.set_aside}
    assert aside.keys() == {"c.png", "d.png", "set.json"} and "lies outside the picture" in aside["set.json"]
    assert aside["d.png"] == "no annotation says what is in it"


def test_no_such_scenes(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        read_scenes(str(tmp_path / "nowhere"))


def test_a_pretrained_network_learns_from_a_folder_at_once(tmp_path):
    """Three classes of three photographs: adapted from two of each without any training, then tuned, then exported."""
    for name in ("ash", "elm", "oak"):
        pictures.write_class(tmp_path / "photos", name, 3, noise=0.02)
    images, labels, aside = read_folder(str(tmp_path / "photos"), (64, 64, 3))
    assert not aside
    numbers = np.unique(labels, return_inverse=True)[1]
    first = np.arange(9) % 3 < 2
    model = MetaLearningModel("efficientnet_lite0", image_shape=(64, 64, 3), distance="cosine")
    model.adapt(images[first], numbers[first])
    assert (model.predict(images[~first]).argmax(1) == numbers[~first]).all()
    model.export(str(tmp_path / "model"))
    assert (tmp_path / "model" / "saved_model.pb").exists()
