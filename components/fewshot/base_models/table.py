"""Finds a base model by name: in the table, in `keras.applications`, in KerasHub, in a file, or as the user's own function.

Each takes images in 0..1 and makes of them what it was trained on.
"""

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from components.fewshot.base_models.keras_hub_models import hub_model
from components.fewshot.base_models.keras_models import saved_model, with_preprocessing
from components.fewshot.base_models.layers import Shape
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.split import split
from components.fewshot.settings.base_models import BASE_MODELS, EXISTING, FILE, HUB, KERAS, BaseModelSettings


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
    return _for_images(model, shape, settings.name)


def pure_base_model(settings: BaseModelSettings, shape: Shape) -> PureModel:
    """The base model for images of `shape` [H, W, C] as a pure function, behind a trunk where not all of it is trained.

    Raises:
      ValueError: as `build_base_model` and `split`.
    """
    trunk, rest = split(build_base_model(settings, shape), settings.trainable)
    return PureModel(rest, trunk)


def _for_images(model: keras.Model, shape: Shape, name: str) -> keras.Model:
    """The model with inputs of `shape`, where it leaves a side open.

    Raises:
      ValueError: it takes other images.
    """
    takes = getattr(model, "input_shape", None)  # a list or a dictionary, if there are several inputs
    sides = takes[1:] if isinstance(takes, tuple) else ()
    if len(sides) != 3 or any(side not in (None, wanted) for side, wanted in zip(sides, shape, strict=True)):
        raise ValueError(f"base_model {name!r}: expected a model of images {tuple(shape)}, got one of {sides or takes}")
    if None not in sides:
        return model
    inputs = keras.Input(shape)
    return keras.Model(inputs, model(inputs), name=model.name)


def bound(settings: BaseModelSettings, shape: Shape) -> Callable[[], Any]:
    """The function of a base model with all its arguments; the model is not built yet.

    Raises:
      ValueError: there is no such name, function or setting; the message lists what exists.
    """
    function = _find(settings.name)
    known = inspect.signature(function).parameters
    values = settings.settings
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
    if ":" not in name or name.startswith((KERAS, HUB, FILE)):
        return ()
    return (name.partition(":")[0],)


def _find(name: str) -> Callable[..., Any]:
    if name.startswith(FILE):
        return saved_model(name.removeprefix(FILE))
    if name.startswith(HUB):
        return hub_model(name.removeprefix(HUB))
    module, function = BASE_MODELS.get(name, name).split(":", 1)
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:  # ValueError: an empty name of a module
        raise ValueError(f"base_model: cannot import {name!r} ({error}); {EXISTING}") from error
    return with_preprocessing(found) if name.startswith(KERAS) else found


__all__ = ["BASE_MODELS", "BaseModelSettings", "bound", "build_base_model", "pure_base_model", "user_module"]
