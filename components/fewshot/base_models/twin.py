"""The twin of a Keras model: the same layers, but `ChosenBatchNorm` where the model has Keras's batch normalisation.

The user's model is never changed. Layers without batch normalisation are shared with the twin; a layer with it is built a
second time from its configuration. The twin's own weights are never used: it is called on explicit weights alone.
"""

import keras
from keras import layers

from components.fewshot.base_models.batch_norm import ChosenBatchNorm


def twin_of(model: keras.Model) -> keras.Model:
    """The twin, with variables in the order of the model's; the model itself where it normalises no batch.

    Raises:
      ValueError: a layer that holds batch normalisation cannot be built from its configuration in the same way.
    """
    if not _batch_norms(model):
        return model
    twin = keras.models.clone_model(_uncompiled(model), clone_function=_twin_layer, recursive=True)
    for layer in twin._flatten_layers():
        if type(layer) is layers.BatchNormalization:  # inside a layer of the user's own, which built it a moment ago
            object.__setattr__(layer, "__class__", ChosenBatchNorm)
    _same_weights(model, twin)
    _same_flags(model, twin)
    return twin


def _uncompiled(model: keras.Model) -> keras.Model:
    """The model, or one of the same layers where it was compiled: a clone would look for the user's losses by name."""
    if not model.compiled:
        return model
    if isinstance(model, keras.Sequential):
        return keras.Sequential([keras.Input(batch_shape=model.inputs[0].shape), *model.layers], name=model.name)
    return keras.Model(model.inputs, model.output, name=model.name)


def has_chosen_batch_norm(twin: keras.Model) -> bool:
    """Whether the choice of statistics makes any difference to a twin."""
    return any(isinstance(layer, ChosenBatchNorm) and layer.trainable for layer in twin._flatten_layers())


def _batch_norms(layer: layers.Layer) -> list[layers.Layer]:
    """Keras's own batch normalisation in a layer or model. A subclass of it is a layer of the user's own, with its own
    rule: it follows `training` as any other layer does."""
    parts = layer._flatten_layers() if isinstance(layer, layers.Layer) else ()  # a bare operation (x + y) has none
    return [part for part in parts if type(part) is layers.BatchNormalization]


def _twin_layer(layer: layers.Layer) -> layers.Layer:
    if type(layer) is layers.BatchNormalization:
        return ChosenBatchNorm.from_config(layer.get_config())
    if not _batch_norms(layer):
        return layer
    try:
        return type(layer).from_config(layer.get_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"base model: layer {layer.name!r} ({type(layer).__name__}) holds batch normalisation, and cannot be built "
            f"from its configuration ({_first_line(error)}); give it a `get_config` with the arguments of its constructor"
        ) from error


def _same_flags(model: keras.Model, twin: keras.Model) -> None:
    """Freezes in the twin what is frozen in the model. A parent's flag would reach down to shared layers: leaves only."""
    for layer, its_twin in zip(model._flatten_layers(), twin._flatten_layers(), strict=True):
        if layer is not its_twin and not layer._layers:
            its_twin.trainable = layer.trainable


def _same_weights(model: keras.Model, twin: keras.Model) -> None:
    shapes = [[tuple(variable.shape) for variable in one.variables] for one in (model, twin)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"base model {model.name!r}: a layer built a second time from its configuration has other weights "
            f"({len(shapes[1])}, expected {len(shapes[0])}); its `get_config` must hold all arguments of its constructor"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
