"""Raw pixels as features: a baseline without any network."""

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape


def pixels(shape: Shape) -> keras.Model:
    """The flattened image; it shows how good a learner is without a feature network."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Flatten()(inputs), name="pixels")
