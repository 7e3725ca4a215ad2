"""Transform, set up for images."""

from tfx.components import Transform
from tfx.proto import transform_pb2
from tfx.types import BaseChannel

from components.fewshot.images.decode import ImageSpec
from components.fingerprint import code_fingerprint
from components.image_transform.preprocessing import IMAGE_SETTINGS


def image_transform(examples: BaseChannel, schema: BaseChannel, image: ImageSpec) -> Transform:
    """The Transform component; train and val are materialised, test images stay encoded until they are served.

    Args:
      examples: Examples of ImageExampleGen.
      schema: Schema of `data/schema.pbtxt`.
      image: size and colours that the base model sees.
    """
    config = {name: getattr(image, name) for name in IMAGE_SETTINGS}
    code = code_fingerprint("components.image_transform", "components.fewshot.images.decode", "data.sources.records")
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.image_transform.preprocessing.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "val"]),
        disable_statistics=True,  # of the outputs: pixels
        custom_config={**config, "code_fingerprint": code},
    )
