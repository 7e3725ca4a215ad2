"""Small pictures for pages: what the model sees, before it is resized for it."""

import base64
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.fewshot.images.gate import ANY_SIZE
from components.fewshot.images.seen import Seen, see

SIDE = 96  # pixels; larger images are made smaller, smaller images stay as they are
PLACEHOLDER = np.full((SIDE // 3, SIDE // 3, 1), 200, np.uint8)  # grey


def thumbnails(encoded: Sequence[bytes], side: int = SIDE) -> list[str]:
    """Encoded images as data URIs, of at most `side` pixels a side: PNGs, or JPEGs if more than `SIDE` are allowed.

    An image that cannot be shown becomes a grey field: a page must not fail for a picture.
    """
    return see(encoded, lambda _, seen: _thumbnail(seen, side), ANY_SIZE)


def _thumbnail(seen: Seen, side: int) -> str:
    pixels = PLACEHOLDER if seen.reason else seen.pixels
    if max(pixels.shape) > side:
        scale = side / max(pixels.shape)
        size = [max(1, round(scale * length)) for length in pixels.shape[:2]]
        pixels = tf.cast(tf.round(tf.image.resize(pixels, size, antialias=True)), tf.uint8)
    kind, encode = ("png", tf.io.encode_png) if side <= SIDE else ("jpeg", tf.io.encode_jpeg)
    return f"data:image/{kind};base64,{base64.b64encode(encode(pixels).numpy()).decode()}"
