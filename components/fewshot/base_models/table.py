"""Finds a base model by name: in the table, in `keras.applications`, or as the user's own function."""

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from pydantic import BaseModel, ConfigDict

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.base_models.layers import Shape
from components.fewshot.base_models.mlp import mlp
from components.fewshot.base_models.pixels import pixels
from components.fewshot.base_models.resnet12 import resnet12

# A feature network without downloads; a user who wants pretrained weights sets `weights: imagenet`.
KERAS_APPLICATION: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg"}


class BaseModelSettings(BaseModel):
    """A base model by name (`BASE_MODELS`), one of `keras.applications:ResNet50`, or the user's own `package.module:function`.

    Attributes:
      settings: keyword arguments of its function, beside the image shape (its `input_shape`, or its first argument).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "conv4"
    settings: dict[str, Any] = {}


BASE_MODELS: dict[str, Callable[..., keras.Model]] = {
    "conv4": conv4,
    "mlp": mlp,
    "resnet12": resnet12,
    "pixels": pixels,
}


def build_base_model(settings: BaseModelSettings, shape: Shape) -> keras.Model:
    """The base model for images of `shape` [H, W, C].

    Raises:
      ValueError: there is no such name, function or setting (the message lists what exists), or the function returns no
        model of such images.
    """
    model = bound(settings, shape)()
    if not isinstance(model, keras.Model):
        raise ValueError(f"base_model {settings.name!r}: expected a keras.Model, got {type(model).__name__}")
    if tuple(model.input_shape[1:]) != tuple(shape):
        found = f"got one of {model.input_shape[1:]}"
        raise ValueError(f"base_model {settings.name!r}: expected a model of images {tuple(shape)}, {found}")
    return model


def bound(settings: BaseModelSettings, shape: Shape) -> Callable[[], Any]:
    """The function of a base model with all its arguments; the model is not built yet.

    Raises:
      ValueError: there is no such name, function or setting; the message lists what exists.
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
    """The module of a user's own base model, whose code belongs to the fingerprint; empty for other base models."""
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
