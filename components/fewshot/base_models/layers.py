"""Layers that the convolutional base models share."""

import keras
from keras import layers

Shape = tuple[int, int, int]


def normalise(x: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalisation whose running moments follow within tens of steps, as in the papers' own code; with Keras's
    default of 0.99 a short training would be judged by moments long gone."""
    return layers.BatchNormalization(momentum=0.9)(x)


def pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """2x2 max-pooling, as long as a side of [B, H, W, C] has two pixels."""
    return layers.MaxPooling2D([2 if side > 1 else 1 for side in x.shape[1:3]])(x)
