"""Finds a base model by name: in the table, in `keras.applications`, or as the user's own function."""

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from components.fewshot.base_models.layers import Shape
from components.fewshot.settings.base_models import BASE_MODELS, EXISTING, BaseModelSettings

# A feature network without downloads; a user who wants pretrained weights sets `weights: imagenet`.
KERAS_APPLICATION: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg"}


def build_base_model(settings: BaseModelSettings, shape: Shape) -> keras.Model:
    """The base model for images of `shape` [H, W, C].

    Raises:
      ValueError: there is no such name, function or setting (the message lists what exists), or the function returns no
        model of such images.
    """
    build = bound(settings, shape)
    try:
        model = build()
    except Exception as error:  # Keras and a user's own function raise whatever they like
        said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        given = f" with {settings.settings}" if settings.settings else ""
        raise ValueError(
            f"base_model {settings.name!r} cannot be built for images {tuple(shape)}{given}: {said}"
        ) from error
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
    module, function = BASE_MODELS.get(name, name).split(":", 1)
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:  # ValueError: an empty name of a module
        raise ValueError(f"base_model: cannot import {name!r} ({error}); {EXISTING}") from error


__all__ = ["BASE_MODELS", "BaseModelSettings", "bound", "build_base_model", "user_module"]
