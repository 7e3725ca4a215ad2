"""The preprocessing function, alone and inside stock Transform."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.images.decode import ImageSpec, decode
from components.fewshot.images.feature import from_feature
from components.image_transform.preprocessing import preprocessing_fn
from data.keys import ENCODED

SPEC = ImageSpec(height=4, width=6, channels=1, invert=True)
CONFIG = {"image": SPEC.model_dump(), "max_pixels": 10_000, "code_fingerprint": "whatever"}


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def inputs():
    images = [np.full((4, 6), 200, np.uint8), np.zeros((9, 5, 3), np.uint8)]
    return {ENCODED: tf.constant([encoded(one) for one in images])}


def test_pixels_worked_out_by_hand(inputs):
    outputs = preprocessing_fn(inputs, CONFIG)
    assert set(outputs) == {"image"}
    pixels = from_feature(outputs["image"], SPEC.shape)
    np.testing.assert_array_equal(pixels, [np.full((4, 6, 1), 55), np.full((4, 6, 1), 255)])


def test_the_decoder_is_the_one_of_serving(inputs):
    served = decode(inputs[ENCODED], SPEC)
    outputs = preprocessing_fn(inputs, CONFIG)
    np.testing.assert_array_equal(served, from_feature(outputs["image"], SPEC.shape))


def test_the_function_is_a_graph(inputs):
    graph = tf.function(
        lambda **named: preprocessing_fn({key.replace("__", "/"): one for key, one in named.items()}, CONFIG)
    )
    outputs = graph(**{key.replace("/", "__"): one for key, one in inputs.items()})
    np.testing.assert_array_equal(outputs["image"], preprocessing_fn(inputs, CONFIG)["image"])
