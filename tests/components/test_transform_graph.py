"""The graph of Transform as a function: what it makes of encoded images is what the decoder makes."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.images.decode import decode
from components.fewshot.settings.image import ImageSpec
from components.transform_graph import preprocess_of
from tests.components import artifacts
from tests.components.fewshot import toys

SPEC = ImageSpec(height=6, width=9, channels=1)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return artifacts.write_transform_graph(tmp_path_factory.mktemp("graph"), height=6, width=9).uri


def test_it_decodes(graph):
    preprocess, _ = preprocess_of(graph, SPEC)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 9, 1), np.uint8)
    encoded = tf.constant([toys.png(image) for image in pixels])
    np.testing.assert_array_equal(preprocess(encoded), pixels)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_in_a_graph_of_any_number_of_images(graph, count):
    preprocess, layer = preprocess_of(graph, SPEC)
    compiled = tf.function(preprocess, input_signature=[tf.TensorSpec([None], tf.string)])
    pixels = np.random.default_rng(count).integers(0, 256, (count, 20, 11, 3), np.uint8)
    encoded = tf.constant([toys.png(image) for image in pixels], tf.string, shape=[count])
    assert layer is not None and compiled(encoded).shape == (count, *SPEC.shape)
    if count:
        np.testing.assert_array_equal(compiled(encoded), decode(encoded, SPEC))
