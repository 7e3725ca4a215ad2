"""Raw pixels as features: a baseline without any network."""

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape

LARGEST = (
    32  # side of what is compared, in pixels: a thumbnail tells as much, and a photograph would be 150,000 features
)


def pixels(shape: Shape) -> keras.Model:
    """The flattened image, of large ones the means of squares; it shows how good a learner is without a feature network."""
    inputs = x = keras.Input(shape)
    squares = [max(1, side // LARGEST) for side in shape[:2]]
    if squares != [1, 1]:
        x = layers.AveragePooling2D(squares)(x)
    return keras.Model(inputs, layers.Flatten()(x), name="pixels")
