"""A multilayer perceptron."""

from collections.abc import Sequence

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape


def mlp(shape: Shape, units: Sequence[int] = (256, 128, 64), dropout: float = 0.1) -> keras.Model:
    """Dense layers with ReLU and dropout, for images of any size."""
    inputs = keras.Input(shape)
    x = layers.Flatten()(inputs)
    for i, n in enumerate(units):
        x = layers.Dense(n, activation="relu" if i + 1 < len(units) else None)(x)
        if i + 1 < len(units):
            x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, x, name="mlp")
