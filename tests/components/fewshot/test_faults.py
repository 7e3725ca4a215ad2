"""What the operating system, TensorFlow and pydantic say, in our words."""

import os

import pytest
import tensorflow as tf
from pydantic import BaseModel, ValidationError

from components.fewshot.faults import in_words, sentence_of


def raised(do) -> Exception:
    with pytest.raises(Exception) as error:  # which one is the question
        do()
    return error.value


class Model(BaseModel):
    steps: int


def test_files(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for do, said in (
        (lambda: os.listdir(file), f"{file}: a file stands where a directory is needed"),
        (lambda: tmp_path.read_bytes(), f"{tmp_path}: a directory stands where a file is needed"),
        (lambda: (file / "below").read_bytes(), f"{file}/below: a file stands where a directory is needed"),
        (lambda: (tmp_path / "nowhere").read_bytes(), f"{tmp_path}/nowhere: no such file or directory"),
        (lambda: os.mkdir(tmp_path), f"{tmp_path}: it exists already"),
        (lambda: loop.read_bytes(), f"{loop}: its links go round in a circle"),
        (lambda: (tmp_path / ("x" * 999)).read_bytes(), f"{tmp_path}/{'x' * 999}: the name is too long"),
        (lambda: tf.io.gfile.GFile(str(tmp_path / "nowhere")).read(), f"{tmp_path}/nowhere: no such file or directory"),
        (lambda: tf.io.gfile.GFile(str(file / "x")).read(), f"{file}/x: a file stands where a directory is needed"),
    ):
        assert in_words(raised(do)) == said


def test_values():
    assert sentence_of(raised(lambda: Model(steps="x"))) == "steps: expected a whole number, got 'x'"
    assert isinstance(raised(lambda: Model(steps="x")), ValidationError)


def test_ours_and_the_unforeseen():
    assert in_words(ValueError("ours")) is None and sentence_of(ValueError("ours\n too")) == "ours too"
    assert sentence_of(FileNotFoundError("no such model")) == "no such model"
    assert sentence_of(RuntimeError("?")) is None
    assert sentence_of(raised(lambda: b"\xff".decode())) is None
