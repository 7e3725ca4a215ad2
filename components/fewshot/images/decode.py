"""Encoded images to pixels, as one TensorFlow graph: the same in the transform, in training and at serving time.

The policy, for every image and on every path: PNG, JPEG, GIF (first frame), BMP and WebP are read; 16-bit samples are cut
to 8; a palette is expanded; CMYK becomes RGB; transparency is laid over white; EXIF orientation is not applied. An image is
stretched to the wanted size (no crop) with an antialiasing filter. Animated WebP is refused.
"""

import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field, field_validator

GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL and tf.image


class ImageSpec(BaseModel):
    """The form of images for the base model: `height` and `width` in pixels, 1 (grey) or 3 (RGB) `channels`, and `invert`,
    which makes dark strokes bright."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(28, ge=2, le=4096)
    width: int = Field(28, ge=2, le=4096)
    channels: int = Field(1)
    invert: bool = False

    @field_validator("channels")
    @classmethod
    def _grey_or_rgb(cls, channels: int) -> int:
        if channels not in (1, 3):
            raise ValueError(f"expected 1 (grey) or 3 (RGB), got {channels}")
        return channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels


def decode_one(encoded: tf.Tensor, spec: ImageSpec) -> tf.Tensor:
    """One encoded image (string []) to uint8 [H, W, C].

    Raises:
      tf.errors.InvalidArgumentError: the bytes are no image that TensorFlow reads.
    """
    image = tf.io.decode_image(_unless_animated_webp(encoded), channels=0, expand_animations=False)
    image.set_shape([None, None, None])
    samples = tf.shape(image)[-1]  # 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
    colour = tf.cast(image, tf.float32)
    colour = tf.cond(tf.equal(samples % 2, 0), lambda: _over_white(colour), lambda: colour)
    if spec.channels == 1:
        colour = tf.cond(tf.shape(colour)[-1] > 1, lambda: _grey(colour), lambda: colour)
    else:
        colour = tf.tile(colour, [1, 1, 3 // tf.shape(colour)[-1]])
    colour = tf.ensure_shape(colour, [None, None, spec.channels])
    resized = tf.image.resize(colour, [spec.height, spec.width], antialias=True)
    pixels = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
    return 255 - pixels if spec.invert else pixels


def decode(encoded: tf.Tensor, spec: ImageSpec) -> tf.Tensor:
    """Encoded images (string [B]) to uint8 [B, H, W, C]; an image gives the same pixels alone and in a batch."""
    signature = tf.TensorSpec(spec.shape, tf.uint8)
    return tf.map_fn(lambda one: decode_one(one, spec), encoded, fn_output_signature=signature, parallel_iterations=16)


def _unless_animated_webp(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes, or no bytes if they are an animated WebP, because TensorFlow 2.21's decoder corrupts memory on it.

    Its header: RIFF, size, WEBP, then the chunk VP8X with flags in byte 20; bit 1 means an animation.
    """
    head = tf.strings.join([tf.strings.substr(encoded, 0, 21), "\0" * 21])
    flags = tf.io.decode_raw(tf.strings.substr(head, 20, 1), tf.uint8)[0]
    extended = tf.equal(tf.strings.substr(head, 12, 4), "VP8X")
    return tf.where(extended & tf.not_equal(tf.bitwise.bitwise_and(flags, tf.constant(2, tf.uint8)), 0), "", encoded)


def _over_white(image: tf.Tensor) -> tf.Tensor:
    alpha = image[..., -1:] / 255.0
    return image[..., :-1] * alpha + 255.0 * (1.0 - alpha)


def _grey(image: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(image, tf.constant(GREY_WEIGHTS), axes=1)[..., tf.newaxis]
