"""No features at all: the baseline of raw pixels."""

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape


def pixels(shape: Shape) -> keras.Model:
    """The image itself, flattened: what a learner is worth without any features."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Flatten()(inputs), name="pixels")
