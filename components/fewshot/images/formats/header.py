"""What a header says, the same for every kind of file."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.reading import Files
from components.fewshot.tensors import Tensor


class Header(NamedTuple):
    """What is known of each file before its pixels are decoded; all fields have shape [B] unless another is given.

    A file with a `reason` (string, else "") is refused; its other fields mean nothing.
    """

    reason: Tensor
    height: Tensor  # int64, in pixels, as stored
    width: Tensor
    orientation: Tensor  # int64, 1 to 8 as in EXIF; the gate reads it out of the next three
    exif: Tensor  # int64 [B, 2]: start and end of the block, zeros if there is none; so are the next two
    xmp: Tensor
    hexed: Tensor  # EXIF as a text of hexadecimal digits
    cmyk: Tensor  # bool, like all that follow but the last three
    sixteen_bit: Tensor
    palette: Tensor
    alpha: Tensor  # parts of the picture may be transparent
    animated: Tensor
    keyed: Tensor  # PNG: one colour or entries of the palette are transparent
    opaque: Tensor  # BMP: a fourth byte that is no alpha
    content: Tensor  # string: what the decoder gets
    place: Tensor  # int64 [B, 4]: top, left, height and width of the decoded pixels on the canvas of a GIF
    ground: Tensor  # int64 [B, 3]: the colour of the canvas around it

    @classmethod
    def of(cls, files: Files, height: Tensor, width: Tensor, **known: Tensor) -> "Header":
        """A header of which all but `known` is as in most files."""
        no, none = tf.zeros_like(files.length, tf.bool), tf.zeros_like(height)
        nowhere = tf.stack([none, none], axis=1)
        most = {field: no for field in ("cmyk", "sixteen_bit", "palette", "alpha", "animated", "keyed", "opaque")}
        most |= {field: nowhere for field in ("exif", "xmp", "hexed")}
        most |= {
            "reason": tf.zeros_like(files.content),
            "orientation": tf.ones_like(height),
            "content": files.content,
            "place": tf.stack([none, none, height, width], axis=1),
            "ground": tf.fill([tf.shape(height)[0], 3], tf.constant(255, tf.int64)),
        }
        return cls(height=height, width=width, **{**most, **known})


def truncated(kind: str) -> str:
    """The reason of a file whose parts do not all lie in it."""
    return f"damaged or truncated: a part of this {kind} is missing"
