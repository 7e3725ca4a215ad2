"""Models that Keras itself holds: its applications, which want pixels of their own kind, and those saved in a file."""

import functools
import os
import re
import sys
from collections.abc import Callable

import keras
from keras import layers

from components.fewshot.base_models.layers import Shape, in_colour

# A feature network without downloads; a user who wants pretrained weights sets `weights: imagenet`.
FEATURES = {"include_top": False, "weights": None, "pooling": "avg"}


def with_preprocessing(function: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """A function of `keras.applications` whose model takes images in 0..1, grey ones too.

    Some of its networks want 0..255, others -1..1 or the means of ImageNet taken away. Given anything else they work, only worse.
    Each has its own `preprocess_input`, from 0..255.
    """

    @functools.wraps(function)  # so that its own settings are known by name
    def build(input_shape: Shape, **settings: object) -> keras.Model:
        colour = (*input_shape[:2], 3)
        try:
            model = function(input_shape=colour, **FEATURES | settings)
        except Exception as error:
            if told := _not_fetched(error):
                raise ValueError(told) from error
            raise
        inputs = keras.Input(input_shape)
        x = sys.modules[function.__module__].preprocess_input(layers.Rescaling(255.0)(in_colour(inputs)))
        return keras.Model(inputs, model(x), name=model.name)

    return build


def saved_model(path: str) -> Callable[[Shape], keras.Model]:
    """A function that returns the model in a file that Keras saved; it takes images in 0..1, whatever it makes of them inside.

    Raises:
      ValueError: when called: there is no such file, or it holds no model, or one with a function of Python (a Lambda), which
        Keras does not run out of a file.
    """

    def load(_shape: Shape) -> keras.Model:
        if not os.path.isfile(path):
            raise ValueError(f"no file {path}: expected a model that Keras saved as PATH.keras")
        return keras.saving.load_model(path, compile=False)

    return load


def _not_fetched(error: Exception) -> str | None:
    """What to do where Keras wanted to fetch weights and could not."""
    if not (found := re.search(r"URL fetch failure on (\S+?):? ", str(error))):
        return None
    folder = os.path.join(os.environ.get("KERAS_HOME", os.path.join("~", ".keras")), "models")
    return (
        f"its weights could not be fetched: put {found[1]} into {folder}, or give the path of such a file as "
        "base_model.settings.weights"
    )
