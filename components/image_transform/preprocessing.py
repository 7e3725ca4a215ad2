"""The preprocessing function of tf.Transform: it turns encoded images into pixels of one size."""

from collections.abc import Mapping

import tensorflow as tf

from components.fewshot.images.decode import decode
from components.fewshot.images.feature import to_feature
from components.fewshot.settings.image import ImageSpec
from data.keys import ENCODED


def preprocessing_fn(inputs: Mapping[str, tf.Tensor], custom_config: Mapping[str, object]) -> dict[str, tf.Tensor]:
    """Decodes raw examples to pixels; the SavedModel contains the same decoder.

    Args:
      inputs: tensors of strings [B] by example key.
      custom_config: "image" as in `components.fewshot.settings.image.ImageSpec`, and "max_pixels".

    Returns:
      "image": pixels as `components.fewshot.images.feature` writes them, int64 [B, n].
    """
    spec = ImageSpec.model_validate(custom_config["image"])
    pixels = decode(inputs[ENCODED], spec, int(str(custom_config["max_pixels"])))
    return {"image": to_feature(pixels)}
