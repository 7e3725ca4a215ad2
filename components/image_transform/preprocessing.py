"""The preprocessing function of tf.Transform: it turns encoded images into pixels of one size."""

from collections.abc import Mapping

import tensorflow as tf

from components.fewshot.images.decode import decode
from components.fewshot.settings.image import ImageSpec
from data.sources.records import CLASS, DOMAIN, ENCODED, SOURCE_ID

IMAGE_SETTINGS = ("height", "width", "channels", "invert")


def preprocessing_fn(inputs: Mapping[str, tf.Tensor], custom_config: Mapping[str, object]) -> dict[str, tf.Tensor]:
    """Decodes raw examples to pixels; the SavedModel contains the same decoder.

    Args:
      inputs: tensors of strings [B] by example key.
      custom_config: "height", "width", "channels", "invert" as in `components.fewshot.settings.image.ImageSpec`; "max_pixels".

    Returns:
      "image": serialised uint8 tensors [H, W, C] (string [B]), which take less space than int64 features.
      "class", "domain", "source_id": string [B].
    """
    spec = ImageSpec.model_validate({name: custom_config[name] for name in IMAGE_SETTINGS})
    pixels = decode(inputs[ENCODED], spec, int(str(custom_config["max_pixels"])))
    image = tf.map_fn(tf.io.serialize_tensor, pixels, fn_output_signature=tf.string)
    return {"image": image, "class": inputs[CLASS], "domain": inputs[DOMAIN], "source_id": inputs[SOURCE_ID]}
