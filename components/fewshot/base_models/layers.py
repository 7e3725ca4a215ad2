"""Layers that the convolutional base models share."""

import keras
from keras import layers

Shape = tuple[int, int, int]


def in_colour(images: keras.KerasTensor) -> keras.KerasTensor:
    """Images [B, H, W, 3]: grey ones [B, H, W, 1] as three equal colours, for networks that know only colours."""
    return layers.Concatenate()([images] * 3) if images.shape[-1] == 1 else images


def normalise(x: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalisation with a momentum of 0.9, as in the papers' own code: its running moments follow the weights within
    tens of steps. With Keras's default of 0.99 they would be out of date at the end of a short training."""
    return layers.BatchNormalization(momentum=0.9)(x)


def pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """2x2 max-pooling of [B, H, W, C]; a side of one pixel is not pooled."""
    return layers.MaxPooling2D([2 if side > 1 else 1 for side in x.shape[1:3]])(x)
