"""Pretrained models of KerasHub, by the name of a preset or by the folder of one: their features of images.

KerasHub is an extra (`fewshot-tfx[hub]`), and is imported where such a model is asked for.
"""

import math
import os
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape, in_colour


def hub_model(preset: str) -> Callable[..., keras.Model]:
    """A function that returns the image part of a preset, such as `dinov2_small` or a folder, as a model of images in 0..1.

    Raises:
      ValueError: when called: KerasHub is not installed, the preset cannot be had, takes images of another size, or makes no
        features of images.
    """

    def build(input_shape: Shape, weights: str | None = "preset") -> keras.Model:
        hub = _keras_hub()
        shape = (*input_shape[:2], 3)
        image, features = _image_part(_backbone(hub, preset, shape, weights is not None), preset)
        if any(side not in (None, wanted) for side, wanted in zip(image.shape[1:], shape, strict=True)):
            height, width = image.shape[1:3]
            raise ValueError(f"it takes images of one size: set image.height={height} and image.width={width}")
        encoder = keras.Model(image, features, name="encoder")
        inputs = keras.Input(input_shape)
        x = _as_it_was_trained(hub, preset)(layers.Rescaling(255.0)(in_colour(inputs)))
        return keras.Model(inputs, encoder(x), name=os.path.basename(os.path.normpath(preset)))

    return build


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise ValueError(f"it needs KerasHub ({error}): pip install 'fewshot-tfx[hub]'") from error
    return keras_hub


def _backbone(hub: Any, preset: str, shape: Shape, load_weights: bool) -> keras.Model:
    """The backbone for images of `shape`; a preset that has its own size says so."""
    presets = hub.models.Backbone.presets
    if preset not in presets and not os.path.isdir(preset) and "://" not in preset:
        near = ", ".join(get_close_matches(preset, presets)) or "dinov2_small, vit_base_patch16_224_imagenet and others"
        raise ValueError(f"no preset or folder {preset!r}; there are {near}; KerasHub lists all {len(presets)}")
    load = hub.models.Backbone.from_preset
    try:
        try:
            return load(preset, load_weights=load_weights, image_shape=shape)
        except (TypeError, ValueError):  # it takes no other size: a function of its own, or weights for one size
            return load(preset, load_weights=load_weights)
    except Exception as error:  # what the hubs behind it raise without a network, each its own
        if os.path.isdir(preset):
            raise
        raise ValueError(
            f"its files could not be fetched: put the files of the preset {preset!r} (config.json, model.weights.h5,"
            " image_converter.json) into a folder, and name it as keras_hub:FOLDER"
        ) from error


def _image_part(backbone: keras.Model, preset: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The images that a backbone takes and one vector of each, [B, D]."""
    encoder = getattr(backbone, "vision_encoder", backbone)  # of a model of images and texts
    images, features = encoder.inputs[0], encoder.output
    rank = len(features.shape) if isinstance(features, keras.KerasTensor) else 0
    if len(encoder.inputs) > 1 or len(images.shape) != 4 or rank not in (2, 3, 4):
        raise ValueError(f"the preset {preset!r} makes no features of images: it is a {type(backbone).__name__}")
    if rank == 4:
        features = layers.GlobalAveragePooling2D()(features)
    elif rank == 3:
        whole = _has_class_token(encoder, images, features)
        features = features[:, 0] if whole else layers.GlobalAveragePooling1D()(features)
    return images, features


def _has_class_token(encoder: keras.Model, images: keras.KerasTensor, tokens: keras.KerasTensor) -> bool:
    """Whether there are more tokens than patches: the first then stands for the image as a whole."""
    patch = getattr(encoder, "patch_size", None)
    if patch is None:
        return False
    sides = patch if isinstance(patch, (tuple, list)) else (patch, patch)
    return tokens.shape[1] > math.prod(side // each for side, each in zip(images.shape[1:3], sides, strict=True))


def _as_it_was_trained(hub: Any, preset: str) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """What the preset does to the values of pixels in 0..255; Transform has resized them. Without a word of it: 0..1."""
    try:
        converter = hub.layers.ImageConverter.from_preset(preset)
    except FileNotFoundError:
        return layers.Rescaling(1 / 255.0)
    scale = 1.0 if converter.scale is None else converter.scale
    return layers.Rescaling(scale, 0.0 if converter.offset is None else converter.offset)
