"""The graph of Transform as a function: the one that makes the stores of pixels, and that becomes a part of the SavedModel."""

import tensorflow as tf
import tensorflow_transform as tft

from components.fewshot.images.feature import from_feature
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Preprocess
from data.keys import ENCODED


def preprocess_of(transform_graph: str, image: ImageSpec) -> tuple[Preprocess, object]:
    """(encoded images [B] -> uint8 [B, H, W, C], the resources it needs) by the transform graph in a directory."""
    layer = tft.TFTransformOutput(transform_graph).transform_features_layer()

    def preprocess(encoded: tf.Tensor) -> tf.Tensor:
        return from_feature(layer({ENCODED: encoded})["image"], image.shape)

    return preprocess, layer
