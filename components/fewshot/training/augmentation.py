"""Augmentation: training images moved, coloured and covered at random, so that a network does not learn them by heart.

Keras' layers for it draw some changes for a whole batch (`RandomCrop`) and count their draws in a variable of each layer. Here
every image has its own draws, and all are a pure function of a seed, so that a resumed run sees what an unbroken one would. All
that moves an image is one map of its plane, so that it is resampled once.
"""

import math

import keras
import tensorflow as tf
from keras import ops

from components.fewshot.tensors import Images, Tensor
from components.fewshot.training.settings import AugmentationSettings

DRAWS, PLACES = 14, 9  # random numbers an image, and how many of them, the first, move it
ASPECT = 4 / 3  # of a crop, at most, as against the image's own (Szegedy et al. 2015)
LUMA = (0.299, 0.587, 0.114)  # grey of red, green and blue, as in ITU-R BT.601


def augmented(images: Images, settings: AugmentationSettings, seeds: Tensor) -> Images:
    """Images [B, H, W, C] changed at random, each in its own way: a pure function of images, settings and seeds, int64 [2]."""
    return changed(images, settings, draws_of(images, seeds))


def draws_of(images: Images, seeds: Tensor) -> Tensor:
    """Random numbers in 0..1 for images [B, H, W, C], float32 [DRAWS, B]."""
    # Philox, for the same numbers on every device.
    return tf.random.stateless_uniform([DRAWS, tf.shape(images)[0]], seeds, alg="philox")


def changed(images: Images, settings: AugmentationSettings, draws: Tensor) -> Images:
    """Images [B, H, W, C] changed by random numbers in 0..1, float32 [DRAWS, B]. At 0.5 a change that has a middle is none."""
    if settings.moves:
        transform = plane_map(images.shape[1], images.shape[2], settings, tf.unstack(draws[:PLACES]))
        images = transformed(images, transform, "reflect")
    return painted(images, settings, draws)


def transformed(images: Images, transform: Tensor, beyond: str) -> Images:
    """Images by a map [B, 8] from new places to old; `beyond` is the `fill_mode` of what lies outside of these, white where it
    is constant."""
    return keras.ops.image.affine_transform(
        images, transform, fill_mode=beyond, fill_value=1.0, data_format="channels_last"
    )


def painted(images: Images, settings: AugmentationSettings, draws: Tensor) -> Images:
    """Images coloured and covered by random numbers [DRAWS, B], each at its place."""
    bright, contrast, saturation, hole_x, hole_y = tf.unstack(draws[PLACES:])
    if settings.colour:
        images = coloured(images, *(around_one(settings.colour, draw) for draw in (bright, contrast, saturation)))
    if settings.cutout:
        images = covered(images, settings.cutout, hole_x, hole_y)
    return ops.clip(images, 0.0, 1.0)


def plane_map(height: int, width: int, settings: AugmentationSettings, draws: list[Tensor]) -> Tensor:
    """The affine map from a place of the new image to one of the old, for each image, float32 [B, 8] as `affine_transform` takes.

    In the middle's coordinates: a place is flipped, drawn to the size of the crop, turned, and moved to the crop's middle.
    """
    area, ratio, crop_x, crop_y, flip, angle, shift_x, shift_y, zoom = draws
    area = settings.crop + (1.0 - settings.crop) * area
    aspect = ops.exp(centred(ratio) * math.log(ASPECT)) if settings.crop < 1 else ops.ones_like(ratio)
    crop_width, crop_height = (ops.minimum(ops.sqrt(area * by), 1.0) for by in (aspect, 1.0 / aspect))
    zoomed = around_one(settings.zoom, zoom)
    across, down = crop_width * zoomed, crop_height * zoomed
    if settings.flip:
        across = ops.where(flip < 0.5, -across, across)
    turned = centred(angle) * math.radians(settings.rotation)
    cos, sin = ops.cos(turned), ops.sin(turned)
    x = width * (centred(crop_x) * (1.0 - crop_width) / 2 + centred(shift_x) * settings.translation)
    y = height * (centred(crop_y) * (1.0 - crop_height) / 2 + centred(shift_y) * settings.translation)
    a, b, c, d = cos * across, -sin * down, sin * across, cos * down
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x += middle_x - a * middle_x - b * middle_y
    y += middle_y - c * middle_x - d * middle_y
    none = ops.zeros_like(x)
    return ops.stack([a, b, x, c, d, y, none, none], axis=1)


def coloured(images: Images, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Images:
    """Images whose brightness, contrast and, of three channels, saturation are multiplied by factors [B]; not yet clipped."""
    plain = grey(images)  # which neither saturation changes nor, in the mean, contrast
    mean = ops.mean(plain, axis=(1, 2, 3), keepdims=True)
    saturated = plain + _by_image(saturation) * (images - plain)
    return _by_image(brightness) * (mean + _by_image(contrast) * (saturated - mean))


def grey(images: Images) -> Images:
    """The grey [B, H, W, 1] of images in colour; others are grey as they are."""
    return ops.matmul(images, ops.array(LUMA)[:, None]) if images.shape[3] == len(LUMA) else images


def covered(images: Images, share: float, x: Tensor, y: Tensor) -> Images:
    """Cutout (DeVries and Taylor 2017): a rectangle of `share` of each side takes the image's mean colour.

    Its middle is anywhere (x and y [B] in 0..1), so a part of it may lie outside.
    """

    def near(side: int, middle: Tensor) -> Tensor:
        places = (ops.arange(side, dtype="float32") + 0.5) / side
        return ops.abs(places - ops.expand_dims(middle, 1)) < share / 2

    hole = ops.logical_and(near(images.shape[1], y)[:, :, None, None], near(images.shape[2], x)[:, None, :, None])
    return ops.where(hole, ops.mean(images, axis=(1, 2), keepdims=True), images)


def centred(draw: Tensor) -> Tensor:
    """Random numbers in 0..1 as ones in -1..1."""
    return 2.0 * draw - 1.0


def around_one(strength: float, draw: Tensor) -> Tensor:
    """Factors in 1 - strength .. 1 + strength of random numbers in 0..1."""
    return 1.0 + strength * centred(draw)


def _by_image(factor: Tensor) -> Tensor:
    return factor[:, None, None, None]
