"""Base models by name: feature networks from float32 images [B, H, W, C] in 0..1 to features [B, D]."""

import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
from keras import layers
from pydantic import BaseModel, ConfigDict

Shape = tuple[int, int, int]

# A feature network that fetches nothing; `weights: imagenet` is for the user to say.
KERAS_APPLICATION: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg"}


class BaseModelSettings(BaseModel):
    """A base model by name (`BASE_MODELS`), one of `keras.applications:ResNet50`, or the user's own `package.module:function`.

    Attributes:
      settings: keyword arguments of its function, beside the image shape (its `input_shape`, or its first argument).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "conv4"
    settings: dict[str, Any] = {}


def conv4(shape: Shape, filters: int = 64) -> keras.Model:
    """Four blocks of 3x3 convolution, batch normalisation, 2x2 max-pooling, ReLU (Vinyals et al. 2016).

    Smaller sides than 16 pixels are pooled as long as they last.
    """
    inputs = x = keras.Input(shape)
    for _ in range(4):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = _pool(_normalise(x))
        x = layers.ReLU()(x)  # after pooling a quarter of the work, and the same value: both keep order
    return keras.Model(inputs, layers.Flatten()(x), name="conv4")


def mlp(shape: Shape, units: Sequence[int] = (256, 128, 64), dropout: float = 0.1) -> keras.Model:
    """Dense layers with ReLU and dropout, for images of any size."""
    inputs = keras.Input(shape)
    x = layers.Flatten()(inputs)
    for i, n in enumerate(units):
        x = layers.Dense(n, activation="relu" if i + 1 < len(units) else None)(x)
        if i + 1 < len(units):
            x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, x, name="mlp")


def resnet12(shape: Shape, filters: Sequence[int] = (64, 160, 320, 640), dropout: float = 0.1) -> keras.Model:
    """Four residual blocks of three 3x3 convolutions with leaky ReLU, max-pooled, then averaged over space.

    As in TADAM (Oreshkin et al. 2018) with the widths of MetaOptNet (Lee et al. 2019); dropout in place of DropBlock.
    """
    inputs = x = keras.Input(shape)
    for n in filters:
        shortcut = _normalise(layers.Conv2D(n, 1, use_bias=False)(x))
        for i in range(3):
            x = layers.Conv2D(n, 3, padding="same", use_bias=False)(x)
            x = _normalise(x)
            x = layers.LeakyReLU(0.1)(x) if i < 2 else x
        x = layers.LeakyReLU(0.1)(_pool(layers.add([x, shortcut])))
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="resnet12")


def pixels(shape: Shape) -> keras.Model:
    """The image itself, flattened: what a learner is worth without any features."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Flatten()(inputs), name="pixels")


BASE_MODELS: dict[str, Callable[..., keras.Model]] = {
    "conv4": conv4,
    "mlp": mlp,
    "resnet12": resnet12,
    "pixels": pixels,
}


def build_base_model(settings: BaseModelSettings, shape: Shape) -> keras.Model:
    """The base model for images of `shape` [H, W, C].

    Raises:
      ValueError: no such name, function or setting (the message lists what exists), or no model of such images.
    """
    model = bound(settings, shape)()
    if not isinstance(model, keras.Model):
        raise ValueError(f"base_model {settings.name!r}: expected a keras.Model, got {type(model).__name__}")
    if tuple(model.input_shape[1:]) != tuple(shape):
        found = f"got one of {model.input_shape[1:]}"
        raise ValueError(f"base_model {settings.name!r}: expected a model of images {tuple(shape)}, {found}")
    return model


def bound(settings: BaseModelSettings, shape: Shape) -> Callable[[], Any]:
    """The function of a base model with all its arguments; nothing is built yet.

    Raises:
      ValueError: no such name, function or setting; the message lists what exists.
    """
    function = _find(settings.name)
    known = inspect.signature(function).parameters
    values = (KERAS_APPLICATION if settings.name.startswith("keras.applications:") else {}) | settings.settings
    call = (
        partial(function, input_shape=tuple(shape), **values)
        if "input_shape" in known
        else partial(function, tuple(shape), **values)
    )
    try:
        inspect.signature(function).bind(*call.args, **call.keywords)
    except TypeError as error:
        exists = ", ".join(list(known)[1:]) or "none"
        raise ValueError(f"base_model.settings: {error}; {settings.name!r} has {exists}") from error
    return call


def user_module(name: str) -> tuple[str, ...]:
    """The module that a base model of the user's own comes from, to be looked at for changes; else nothing."""
    module = name.partition(":")[0] if ":" in name else ""
    return (module,) if module and module.split(".")[0] != "keras" else ()


def _find(name: str) -> Callable[..., keras.Model]:
    if name in BASE_MODELS:
        return BASE_MODELS[name]
    exists = f"there are {', '.join(BASE_MODELS)}, or your own as package.module:function"
    if ":" not in name:
        raise ValueError(f"base_model: no {name!r}; {exists}")
    module, function = name.split(":", 1)
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"base_model: cannot import {name!r} ({error}); {exists}") from error


def _normalise(x: Any) -> Any:
    """Batch normalisation whose running moments follow within tens of steps, as in the papers' own code; with Keras's
    default of 0.99 a short training would be judged by moments long gone."""
    return layers.BatchNormalization(momentum=0.9)(x)


def _pool(x: Any) -> Any:
    return layers.MaxPooling2D([2 if side > 1 else 1 for side in x.shape[1:3]])(x)
