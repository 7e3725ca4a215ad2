"""What a viewer shows of an image, brought to the size and the colours that a base model gets.

The bars of a padded image are white, as the ground on which transparent images are put: so a set that holds both has one ground,
that of most scans, drawings and pictures of products. `invert` comes last, and turns the bars black with the picture.
"""

import tensorflow as tf

from components.fewshot.settings.image import ImageSpec

GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL and tf.image
WHITE = 255


def fitted(image: tf.Tensor, spec: ImageSpec) -> tf.Tensor:
    """What a viewer shows, uint8 [h, w, 1 or 3], in the form of `spec`: uint8 [H, W, C]."""
    resized = _resized(image, spec)
    if spec.channels == 1:
        resized = tf.cond(tf.shape(resized)[-1] > 1, lambda: _grey(resized), lambda: resized)
    else:
        resized = tf.tile(resized, [1, 1, 3 // tf.shape(resized)[-1]])
    resized = tf.ensure_shape(resized, spec.shape)
    pixels = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
    return 255 - pixels if spec.invert else pixels


def box_map(size: tf.Tensor, spec: ImageSpec) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the places of an image are in its fitted form: times the first, plus the second, float32 [..., 4] each.

    Places are ymin, xmin, ymax, xmax in 0..1, before and after.

    Args:
      size: height and width of what a viewer shows, int32 [..., 2].
      spec: the form.

    Raises:
      ValueError: it cuts off parts of an image.
    """
    if spec.fit == "crop":
        raise ValueError("image.fit 'crop' would cut objects off: use pad or stretch where images have boxes")
    wanted = tf.broadcast_to(tf.constant([spec.height, spec.width]), tf.shape(size))
    scale, offset = tf.ones_like(size, tf.float32), tf.zeros_like(size, tf.float32)
    if spec.fit == "pad":
        inner = _largest(size, wanted)
        scale, offset = inner / wanted, _halves(wanted - inner)[0] / wanted
    return tuple(tf.cast(tf.concat([one, one], -1), tf.float32) for one in (scale, offset))


def _resized(image: tf.Tensor, spec: ImageSpec) -> tf.Tensor:
    """An image [h, w, C] in the wanted size: float32 [H, W, C]."""

    def resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.image.resize(image, size, spec.resize, antialias=True), tf.float32)

    wanted = tf.constant([spec.height, spec.width])
    if spec.fit == "pad":
        inner = _largest(tf.shape(image)[:2], wanted)
        (top, left), (bottom, right) = map(tf.unstack, _halves(wanted - inner))
        return tf.pad(resized(image, inner), [[top, bottom], [left, right], [0, 0]], constant_values=WHITE)
    return resized(_centre(image, wanted) if spec.fit == "crop" else image, wanted)


def _centre(image: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
    """The largest part of an image that has the aspect ratio of `ratio` (int32 [2]: height, width), from its centre."""
    size = tf.shape(image)[:2]
    part = _largest(ratio, size)
    start, _ = _halves(size - part)
    return tf.slice(image, tf.pad(start, [[0, 1]]), tf.pad(part, [[0, 1]], constant_values=-1))


def _largest(ratio: tf.Tensor, within: tf.Tensor) -> tf.Tensor:
    """The largest height and width of the aspect ratio of `ratio` in `within`; each is int32 [..., 2], height and
    width."""
    along, across = tf.cast(ratio, tf.int64), tf.cast(tf.reverse(ratio, [-1]), tf.int64)
    by_other = (2 * along * tf.cast(tf.reverse(within, [-1]), tf.int64) + across) // (2 * across)  # rounded
    return tf.minimum(tf.cast(tf.maximum(by_other, 1), tf.int32), within)


def _halves(length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """An odd pixel is at the end."""
    return length // 2, length - length // 2


def _grey(image: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(image, tf.constant(GREY_WEIGHTS), axes=1)[..., tf.newaxis]
