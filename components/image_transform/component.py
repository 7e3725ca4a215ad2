"""Transform, set up for images."""

from tfx.components import Transform
from tfx.proto import transform_pb2
from tfx.types import BaseChannel

from components.fewshot.settings.image import ImageSpec
from components.fingerprint import code_fingerprint

CODE = (
    "components.image_transform",
    *(f"components.fewshot.{name}" for name in ("images", "settings.image")),
    "data.keys",
)


def image_transform(examples: BaseChannel, schema: BaseChannel, image: ImageSpec, max_pixels: int) -> Transform:
    """Returns the Transform component, which writes the graph alone: who needs pixels applies it, as the SavedModel does.

    Transformed examples would be a compressed copy of the pixels that the stores hold, and most of the time of the node.

    Args:
      examples: the Examples of ImageExampleGen.
      schema: the Schema of these examples.
      image: the size and colours of the images that the base model gets.
      max_pixels: height x width of the largest file that the graph reads, the same as at ingest.
    """
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.image_transform.preprocessing.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=["train"]),
        materialize=False,
        disable_statistics=True,  # the outputs are pixels, whose statistics are of no use
        custom_config={
            "image": image.model_dump(),
            "max_pixels": max_pixels,
            "code_fingerprint": code_fingerprint(*CODE),
        },
    )
