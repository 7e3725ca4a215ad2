"""The base model of a notebook: a Keras model, or one by name."""

from typing import NamedTuple

import keras

from components.fewshot.base_models.faster_rcnn import finds_objects
from components.fewshot.base_models.outside import weights_digest
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.split import split
from components.fewshot.base_models.table import build_base_model
from components.fewshot.settings.base_models import BaseModelSettings
from components.fewshot.settings.image import ImageSpec
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION, Kind

SHAPE = (224, 224, 3)  # of images for a network that brings weights: nearly all learned from so large ones


class Given(NamedTuple):
    """A base model, and what a manifest says of it.

    Attributes:
      base: as a pure function, behind a trunk where not all of it is trained.
      image: the images that it takes.
      name: of the model.
      kind: of task that it is for.
      trainable: what of it is trained.
      weights: what tells the weights that it brings from outside apart from others; None if it brings none, or if nobody knows.
    """

    base: PureModel
    image: ImageSpec
    name: str
    kind: Kind
    trainable: str = "all"
    weights: str | None = None


def given_base_model(
    base_model: keras.Model | str, image_shape: tuple[int, int, int] | None, trainable: str | None, seed: int
) -> Given:
    """The base model that a user gives.

    Args:
      base_model: a model, or a name (`BaseModelSettings`).
      image_shape: (H, W, C), for a name; by default `SHAPE` where it brings weights.
      trainable: all, none or `last N`, for a name; by default none where it brings weights, and otherwise all.
      seed: of random weights.

    Raises:
      ValueError: there is no such base model, it does not take such images, a detector is to be trained in part, or it is a model
        and something was said that is only for names.
    """
    if isinstance(base_model, str):
        return _by_name(base_model, image_shape, trainable, seed)
    if image_shape is not None or trainable is not None:
        raise ValueError(
            "image_shape and trainable are for a base model by name: a keras.Model has its input shape, and is frozen by"
            " `trainable` of its layers"
        )
    image, kind = image_spec(base_model), _kind_of(base_model)
    return Given(PureModel(base_model), _for_kind(image, kind), base_model.name, kind)


def _by_name(name: str, image_shape: tuple[int, int, int] | None, trainable: str | None, seed: int) -> Given:
    weights = weights_digest(BaseModelSettings(name=name))
    settings = BaseModelSettings(name=name, trainable=trainable or ("none" if weights else "all"))
    if image_shape is None and weights is None:
        raise ValueError(f"image_shape: expected (H, W, C) of the images, because base model {name!r} takes any")
    height, width, channels = image_shape or SHAPE
    image = ImageSpec(height=height, width=width, channels=channels)
    keras.utils.set_random_seed(seed)
    model = build_base_model(settings, image.shape)
    kind = _kind_of(model)
    if kind == DETECTION and settings.trainable != "all":
        raise ValueError(
            f"trainable: expected 'all' of a base model that finds objects, got {settings.trainable!r}; give"
            " faster_rcnn((H, W, C), trunk=..., frozen=True) instead of a name, and its trunk stays as it is"
        )
    trunk, rest = split(model, settings.trainable)
    return Given(PureModel(rest, trunk), _for_kind(image, kind), name, kind, settings.trainable, weights)


def _kind_of(model: keras.Model) -> Kind:
    return DETECTION if finds_objects(model) else CLASSIFICATION


def _for_kind(image: ImageSpec, kind: Kind) -> ImageSpec:
    """The images, brought to their form as the kind of task needs it: objects keep their aspect."""
    return image.model_copy(update={"fit": "pad"}) if kind == DETECTION else image


def image_spec(base_model: keras.Model) -> ImageSpec:
    """The image size and channels that a base model takes.

    Raises:
      ValueError: the model has no input shape, or its input is not an image of 1 or 3 channels.
    """
    shape = tuple(getattr(base_model, "input_shape", None) or ())[1:]
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        raise ValueError(
            f"base_model {base_model.name!r}: expected images [B, H, W, C] of fixed size with 1 or 3 channels, got "
            f"{(None, *shape) if shape else 'no input shape'}; start it with keras.Input((H, W, C))"
        )
    return ImageSpec(height=shape[0], width=shape[1], channels=shape[2])
