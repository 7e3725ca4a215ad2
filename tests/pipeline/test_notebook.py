"""A folder as arrays: the pixels of the pipeline, and nothing lost without a word."""

import numpy as np
import pytest
from PIL import Image

from components.fewshot.model import MetaLearningModel
from pipeline.notebook import read_folder
from tests import pictures


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
