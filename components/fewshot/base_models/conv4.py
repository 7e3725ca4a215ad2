"""Conv4, the network of the few-shot literature (Vinyals et al. 2016, https://arxiv.org/abs/1606.04080)."""

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape, normalise, pool


def conv4(shape: Shape, filters: int = 64) -> keras.Model:
    """Four blocks of 3x3 convolution, batch normalisation, 2x2 max-pooling, ReLU (Vinyals et al. 2016).

    A side of fewer than 16 pixels is pooled until one pixel is left.
    """
    inputs = x = keras.Input(shape)
    for _ in range(4):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = pool(normalise(x))
        x = layers.ReLU()(x)  # after pooling: a quarter of the work and the same result, because ReLU keeps the order
    return keras.Model(inputs, {"map": x, "vector": layers.Flatten()(x)}, name="conv4")
