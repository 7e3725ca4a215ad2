"""ResNet-12 (Oreshkin et al. 2018, https://arxiv.org/abs/1805.10123)."""

from collections.abc import Sequence

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape, normalise, pool


def resnet12(shape: Shape, filters: Sequence[int] = (64, 160, 320, 640), dropout: float = 0.1) -> keras.Model:
    """Four residual blocks of three 3x3 convolutions with leaky ReLU, max-pooled, then averaged over space.

    As in TADAM (Oreshkin et al. 2018) with the widths of MetaOptNet (Lee et al. 2019); dropout in place of DropBlock.
    """
    inputs = x = keras.Input(shape)
    for n in filters:
        shortcut = normalise(layers.Conv2D(n, 1, use_bias=False)(x))
        for i in range(3):
            x = layers.Conv2D(n, 3, padding="same", use_bias=False)(x)
            x = normalise(x)
            x = layers.LeakyReLU(0.1)(x) if i < 2 else x
        x = layers.LeakyReLU(0.1)(pool(layers.add([x, shortcut])))
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, {"map": x, "vector": layers.GlobalAveragePooling2D()(x)}, name="resnet12")
